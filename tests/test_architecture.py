"""Who may import whom: data flows one way, and imports go the other."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
APP = ROOT / "app"

# A module imports from the lines above its own and from its own package; never sideways. A module
# that is named with its package stands on a line of its own.
LAYERS = (
    {"errors", "shared_numbers", "orphans", "arrays", "pauses", "one_thread"},
    {"layers", "metrics", "terms"},
    {"network"},
    {"text", "engines"},
    {"folder", "answers", "summary", "verification", "settings"},
    {"model", "pictures", "excerpt", "logs", "costs"},
    {"folder/read", "inspection", "scoring", "suggesting"},
    {"serving", "what_if", "notebook", "importing"},
    {"http", "training", "web"},
    {"api", "evaluation", "keystrokes"},
    {"main", "bulk"},
    {"server", "on_ray"},
    {"cli"},
    {"entry"},
    {"__main__"},
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

MAY_IMPORT_TENSORFLOW = {"engines/tensorflow_engine.py", "training/replay.py"}
# The edge answers 500 for what nobody foresaw; of a batch, a failure is given to its own caller
# alone; the watcher and the repository go on with the next folder; a worker of a bulk run hands it
# to the process that asked.
MAY_CATCH_ANYTHING = {
    "bulk/run.py",
    "http/edge.py",
    "serving/repository.py",
    "serving/results.py",
    "serving/watcher.py",
}
MAY_IMPORT_BY_NAME = {"cli/__init__.py"}  # its own commands, out of its own table
MOST_LINES = 350

MODULES = sorted(str(path.relative_to(APP)) for path in APP.rglob("*.py"))


def runtime_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs; what stands under TYPE_CHECKING does not."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from runtime_nodes(child)


def imports(module: str) -> set[str]:
    """Dotted names of the modules that a module imports, also inside functions."""
    found = set()
    for node in runtime_nodes(ast.parse((APP / module).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            name = str(node.module)
            found |= {f"{name}.{alias.name}" for alias in node.names if is_module(name, alias.name)}
            if name != "app":
                found.add(name)
    return found


def calls(module: str) -> set[str]:
    """Whole names of the functions that a module calls, whatever it imports them as."""
    tree = ast.parse((APP / module).read_text())
    whole: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            whole |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            whole |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    found = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    parts = (name.partition(".") for name in found)
    return {f"{whole.get(first, first)}{dot}{rest}" for first, dot, rest in parts}


def is_module(package: str, name: str) -> bool:
    path = ROOT.joinpath(*package.split("."), name)
    return path.is_dir() or path.with_suffix(".py").is_file()


def layer_of(module: str) -> str:
    """ "http/edge.py" -> "http"; "model.py" -> "model"; "folder/read.py" -> itself."""
    name = module.removesuffix(".py")
    return name if name in RANK else name.split("/")[0]


def imported_layers(module: str) -> set[str]:
    names = {name.removeprefix("app.") for name in imports(module) if name.startswith("app.")}
    return {layer_of(name.replace(".", "/")) for name in names}


def test_every_module_has_a_layer() -> None:
    assert {layer_of(module) for module in MODULES} - {"__init__"} == set(RANK)


@pytest.mark.parametrize("module", [module for module in MODULES if module != "__init__.py"])
def test_imports_go_one_way(module: str) -> None:
    own = layer_of(module)
    others = imported_layers(module) - {own, own.split("/")[0]}
    assert [layer for layer in others if RANK[layer] >= RANK[own]] == []


def test_engines_never_see_words() -> None:
    seen = {
        layer for one in MODULES if layer_of(one) == "engines" for layer in imported_layers(one)
    }
    assert seen <= {"engines", "arrays", "layers", "network", "terms", "errors", "pauses"}


def test_http_does_no_arithmetic() -> None:
    edges = [module for module in MODULES if layer_of(module) in ("api", "http")]
    assert [module for module in edges if "numpy" in imports(module)] == []


def test_only_the_command_line_imports_training() -> None:
    importers = {layer_of(module) for module in MODULES if "training" in imported_layers(module)}
    assert importers == {"training", "cli"}


def test_only_the_command_line_imports_what_people_have() -> None:
    importers = {layer_of(module) for module in MODULES if "importing" in imported_layers(module)}
    assert importers == {"importing", "cli"}


def test_tensorflow_is_imported_where_it_is_named() -> None:
    importers = {
        module
        for module in MODULES
        if {name.split(".")[0] for name in imports(module)} & {"tensorflow", "keras"}
    }
    assert importers <= MAY_IMPORT_TENSORFLOW


def test_importing_the_application_loads_nothing_it_need_not() -> None:
    script = (
        "import sys, app.main\n"
        "assert app.main.app.state.repository is None\n"
        "unneeded = {'tensorflow', 'keras', 'h5py', 'app.training', 'typer', 'pydantic.v1'}\n"
        "print(*unneeded & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(("given", "threads"), [({}, 1), ({"OPENBLAS_NUM_THREADS": "2"}, 2)])
def test_numpy_has_one_thread_however_the_application_is_started(
    given: dict[str, str], threads: int
) -> None:
    """Stock uvicorn answered a fifth of what `unrolled serve` did where cores were busy."""
    script = "import os, app.main; print(len(os.listdir('/proc/self/task')))"
    inherited = {name: value for name, value in os.environ.items() if "NUM_THREADS" not in name}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=inherited | given,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == min(threads, len(os.sched_getaffinity(0)))


def test_nobody_catches_everything_but_the_edges() -> None:
    catchers = {
        module
        for module in MODULES
        for node in ast.walk(ast.parse((APP / module).read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
    }
    assert catchers <= MAY_CATCH_ANYTHING


def test_nothing_is_unpickled_or_evaluated() -> None:
    for module in MODULES:
        modules = {name.split(".")[0] for name in imports(module)}
        assert not modules & {"pickle", "marshal", "shelve", "dill", "joblib"}, module
        called = {name.removeprefix("builtins.") for name in calls(module)}
        forbidden = {"eval", "exec", "__import__"}
        if module not in MAY_IMPORT_BY_NAME:
            forbidden.add("importlib.import_module")
        assert not called & forbidden, module
    for module in MAY_IMPORT_BY_NAME:
        assert "importlib.import_module" in calls(module), "what it imports it as is no matter"


@pytest.mark.parametrize("module", MODULES)
def test_a_file_is_one_idea(module: str) -> None:
    text = (APP / module).read_text()
    assert ast.get_docstring(ast.parse(text)), "its docstring says which"
    assert len(text.splitlines()) <= MOST_LINES


def test_no_file_names_a_package_registry() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    hosts = [".".join(host).encode() for host in (("pypi", "org"), ("pythonhosted", "org"))]
    hosts.append(".".join(("npmjs", "org")).encode())
    named = [
        name
        for name in listed.stdout.splitlines()
        if (ROOT / name).is_file() and any(host in (ROOT / name).read_bytes() for host in hosts)
    ]
    assert named == []
