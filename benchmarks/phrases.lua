-- wrk: POST phrases of random words. After "--": word file, words in a phrase, body with %s,
-- and how many distinct phrases (0: every request its own).
local words, bodies, count, body = {}, {}, 4, "%s"

local function phrase()
  local chosen = {}
  for i = 1, count do chosen[i] = words[math.random(#words)] end
  return wrk.format("POST", nil, { ["Content-Type"] = "application/json" },
    (string.format(body, table.concat(chosen, " "))))
end

function init(args)
  math.randomseed(os.time())
  for word in io.lines(args[1]) do words[#words + 1] = word end
  count, body = tonumber(args[2]), args[3]
  for i = 1, tonumber(args[4]) do bodies[i] = phrase() end
end

function request()
  if #bodies > 0 then return bodies[math.random(#bodies)] end
  return phrase()
end

function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format("RESULT %f %f %f %d", summary.requests / summary.duration * 1e6,
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
