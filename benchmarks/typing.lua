-- wrk: keyboards that type sentences letter by letter, in turn. After "--": a file of sentences, how
-- many keyboards, the body with a %s where what is typed so far goes.
local lines, keyboards, body, turn = {}, {}, "%s", 0

function init(args)
  math.randomseed(os.time())
  for line in io.lines(args[1]) do
    if #line > 0 and not line:find('[\\"]') then lines[#lines + 1] = line end
  end
  body = args[3]
  for i = 1, tonumber(args[2]) do
    local line = lines[math.random(#lines)]
    keyboards[i] = { line = line, typed = math.random(#line) - 1 }
  end
end

function request()
  turn = turn % #keyboards + 1
  local keyboard = keyboards[turn]
  if keyboard.typed >= #keyboard.line then
    keyboard.line, keyboard.typed = lines[math.random(#lines)], 0
  end
  keyboard.typed = keyboard.typed + 1
  return wrk.format("POST", nil, { ["Content-Type"] = "application/json" },
    (string.format(body, keyboard.line:sub(1, keyboard.typed))))
end

function done(summary, latency, requests)
  local errors = summary.errors
  print(string.format("RESULT %f %f %f %d", summary.requests / summary.duration * 1e6,
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
