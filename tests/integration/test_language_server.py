"""The real YAML language server, given our schema, underlines and completes what analysts write."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.mapping.schema import schema

PACKAGE = "yaml-language-server@2.0.0"
HEAD = "map: v1\nkind: resource\nfrom: PID\nto: Patient\nPatient:\n"
MAPPINGS = Path(__file__).parents[2] / "mappings"

pytestmark = pytest.mark.timeout(240)  # the first run brings the server


class LanguageServer:
    """An editor's side of the language server protocol, over pipes."""

    def __init__(self, program: Path, schema_file: Path) -> None:
        self._process = subprocess.Popen(
            [program, "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._number = 0
        self.settings = {
            "yaml": {
                "schemas": {schema_file.as_uri(): ["*.yaml"]},
                "schemaStore": {"enable": False},
                "validate": True,
                "completion": True,
            }
        }
        self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self.tell("initialized", {})
        self.tell("workspace/didChangeConfiguration", {"settings": self.settings})

    def tell(self, method: str, parameters: dict[str, Any]) -> None:
        self._send({"method": method, "params": parameters})

    def ask(self, method: str, parameters: dict[str, Any]) -> Any:
        self._number += 1
        number = self._number
        self._send({"id": number, "method": method, "params": parameters})
        while True:
            found = self._heard()
            if found.get("id") == number and "method" not in found:
                return found["result"]

    def complaints(self, name: str, text: str) -> list[tuple[int, str]]:
        """Open a file and return line (from 1) and message of what is underlined."""
        uri = f"file:///{name}"
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": document})
        while True:
            found = self._heard()
            told = found.get("params", {})
            if found.get("method") == "textDocument/publishDiagnostics" and told["uri"] == uri:
                return [
                    (one["range"]["start"]["line"] + 1, one["message"])
                    for one in told["diagnostics"]
                ]

    def completions(self, name: str, line: int, character: int) -> set[str]:
        """Return what is offered at a place (from 0) of an open file."""
        where = {"line": line, "character": character}
        found = self.ask(
            "textDocument/completion",
            {"textDocument": {"uri": f"file:///{name}"}, "position": where},
        )
        return {item["label"] for item in found["items"]}

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _heard(self) -> dict[str, Any]:
        """Return the next message; what the server asks for is answered."""
        out = self._process.stdout
        assert out is not None
        length = 0
        while line := out.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        found: dict[str, Any] = json.loads(out.read(length))
        if "method" in found and "id" in found:
            items = found.get("params", {}).get("items", [])
            result = [self.settings.get(one.get("section")) for one in items] if items else None
            self._send({"id": found["id"], "result": result})
        return found


@pytest.fixture(scope="module")
def program(pytestconfig: pytest.Config) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not here, which brings the YAML language server")
    cache = getattr(pytestconfig, "cache", None)
    if cache is None:
        pytest.skip("pytest runs without a cache, where the YAML language server would be kept")
    folder: Path = cache.mkdir(PACKAGE.replace("@", "-"))
    found = folder / "node_modules" / ".bin" / "yaml-language-server"
    if not found.exists():
        install = [npm, "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit"]
        try:
            subprocess.run([*install, PACKAGE], capture_output=True, timeout=100, check=True)
        except subprocess.SubprocessError:
            pytest.skip("npm could not bring the YAML language server")
    return found


@pytest.fixture(scope="module")
def server(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LanguageServer]:
    file = tmp_path_factory.mktemp("schema") / "mapping.schema.json"
    file.write_text(json.dumps(schema()), "utf-8")
    found = LanguageServer(program, file)
    yield found
    found.close()


def test_the_base_is_not_underlined(server: LanguageServer) -> None:
    for name in ("segments/PID-Patient", "segments/OBX-Observation", "messages/ORU_R01"):
        text = (MAPPINGS / "base" / f"{name}.yaml").read_text("utf-8")
        assert server.complaints(f"{Path(name).name}.yaml", text) == []


def test_a_misspelt_element_is_underlined_where_it_stands(server: LanguageServer) -> None:
    ((line, message),) = server.complaints("bad.yaml", HEAD + "  name: {familly: PID-5.1}\n")
    assert line == 6
    assert "familly" in message


def test_elements_and_keys_are_offered(server: LanguageServer) -> None:
    server.complaints("offered.yaml", HEAD + "  birthDate: PID-7\n  \n")
    assert {"gender", "maritalStatus", "deceased"} <= server.completions("offered.yaml", 6, 2)
