"""A real Flink session cluster, started as people start it, and a harmless jar for its REST API.

The jars come from PyPI (``apache-flink-libraries``, 226 MB), by its ordinary client, and are kept in ``$DAVY_FLINK`` or
``~/.cache/davy/flink-1.17.2``; CI, which keeps nothing, fetches them each time.  ``$DAVY_FLINK_VERSION`` tries another
version (2.3.0 is a wheel of 329 MB).  There are no start scripts among them: the entry point is started as
``bin/jobmanager.sh`` does.  Source: Flink's flink-bin.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from tests.live.eviction.support import missing, within

from .support import Network, program

VERSION: Final = os.environ.get("DAVY_FLINK_VERSION", "1.17.2")
_FIRST: Final = VERSION.startswith("1.")
SETTINGS: Final = "flink-conf.yaml" if _FIRST else "config.yaml"
"""The configuration file's name, which changed with Flink 2."""
REFUSED: Final = "Not found" if _FIRST else "POST request not allowed"
"""What it says to an upload that it does not take."""
PORT: Final = 18081
MAIN: Final = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
_OPENED: Final = ("lang", "lang.reflect", "net", "io", "nio", "text", "time", "util", "util.concurrent")
_EXPORTED: Final = (
    "java.base/sun.net.util", "java.rmi/sun.rmi.registry", "java.security.jgss/sun.security.krb5",
)  # fmt: skip
_LOG4J: Final = """\
rootLogger.level = INFO
rootLogger.appenderRef.file.ref = MainAppender
appender.main.name = MainAppender
appender.main.type = File
appender.main.fileName = ${sys:log.file}
appender.main.layout.type = PatternLayout
appender.main.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
"""
_DROPPER: Final = """\
public class Dropper {
    public static void main(String[] words) throws Exception {
        java.io.File said = new java.io.File(System.getProperty("log.file") + ".dropped");
        new ProcessBuilder(words).redirectErrorStream(true).redirectOutput(said).start().waitFor();
    }
}
"""


def jars() -> tuple[Path, ...]:
    """Flink's distribution and its log4j; fetched where they are not kept."""
    home = Path(os.environ.get("DAVY_FLINK") or Path.home() / ".cache" / "davy" / f"flink-{VERSION}")
    if not home.is_dir():
        _fetch(home)
    return tuple(sorted(home.glob("*.jar")))


def _fetch(home: Path) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="flink-", dir=home.parent))
    try:
        words = ("-m", "pip", "download", "--quiet", "--no-deps", "-d", str(made))
        done = subprocess.run(
            [sys.executable, *words, f"apache-flink-libraries=={VERSION}"], capture_output=True, text=True, check=False
        )
        archive = next((one for one in made.iterdir() if one.suffix in (".gz", ".whl")), None)
        if archive is None:
            missing(f"apache-flink-libraries {VERSION} could not be fetched: {done.stderr[-500:]}")
        kept = made / "jars"
        kept.mkdir()
        if archive.suffix == ".gz":
            shutil.unpack_archive(archive, made / "all", "gztar", filter="data")
        else:
            shutil.unpack_archive(archive, made / "all", "zip")
        for jar in (made / "all").rglob("lib/*.jar"):
            if jar.name.startswith(("flink-dist", "log4j")):
                jar.rename(kept / jar.name)
        kept.rename(home)
    finally:
        shutil.rmtree(made)


def dropper(folder: Path) -> Path:
    """A jar whose main runs the program that its arguments name, and has no Flink job in it: as droppers do."""
    source = folder / "Dropper.java"
    source.write_text(_DROPPER)
    subprocess.run([program("javac", "default-jdk-headless"), "-d", str(folder), str(source)], check=True)
    manifest = folder / "manifest"
    manifest.write_text("Main-Class: Dropper\n")
    made = folder / "dropper.jar"
    jar = program("jar", "default-jdk-headless")
    subprocess.run([jar, "cfm", str(made), str(manifest), "-C", str(folder), "Dropper.class"], check=True)
    return made


class Cluster:
    """One session cluster in a network of its own."""

    def __init__(self, network: Network, folder: Path) -> None:
        self._network = network
        self.config, self.log = folder / "conf", folder / "log" / "flink-root-standalonesession-0-lab.log"
        self.folder, self.pid = folder, 0
        for made in (self.config, self.log.parent, folder / "tmp", folder / "lib"):
            made.mkdir()
        for jar in jars():
            (folder / "lib" / jar.name).symlink_to(jar)
        (self.config / "log4j.properties").write_text(_LOG4J)

    def configure(self, *lines: str) -> None:
        fixed = (
            "jobmanager.rpc.address: localhost", "jobmanager.bind-host: localhost", "rest.address: localhost",
            "jobmanager.memory.process.size: 1024m", f"rest.port: {PORT}", f"web.tmpdir: {self.folder}/tmp",
        )  # fmt: skip
        (self.config / SETTINGS).write_text("\n".join((*fixed, *lines)) + "\n")

    def start(self) -> None:
        opens = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in _OPENED]
        exports = [f"--add-exports={name}=ALL-UNNAMED" for name in _EXPORTED]
        classes = ":".join(str(path) for path in sorted((self.folder / "lib").iterdir()))
        self.log.unlink(missing_ok=True)
        self.pid = self._network.start(
            program("java", "default-jdk-headless"), "-Xmx384m", *opens, *exports, f"-Dlog.file={self.log}",
            f"-Dlog4j.configurationFile=file:{self.config}/log4j.properties", "-classpath", classes, MAIN,
            "--configDir", str(self.config), "--executionMode", "cluster",
            cwd=self.folder, log=self.folder / "out",
        )  # fmt: skip
        assert within(120, lambda: self._network.listens(PORT)), (self.folder / "out").read_text()[-2000:]
        assert within(60, lambda: "Web frontend listening at" in self.log.read_text())

    def stop(self) -> None:
        self._network.stop(self.pid)

    def upload(self, jar: Path, address: str = "198.51.100.1") -> str:
        """The answer to an upload, as it stands."""
        return self._asked("/jars/upload", "-F", f"jarfile=@{jar};type=application/x-java-archive", address=address)

    def run(self, identity: str, words: str, address: str = "198.51.100.1") -> str:
        """The answer to a run whose arguments stand in the request's address, as in the seed."""
        given = f"program-args={words}" if _FIRST else f"programArg={','.join(words.split())}"
        return self._asked(f"/jars/{identity}/run", "-G", "-X", "POST", "--data-urlencode", given, address=address)

    def _asked(self, path: str, *options: str, address: str = "127.0.0.1", check: bool = False) -> str:
        curl = program("curl", "curl")
        return self._network.run(
            curl, "-s", "--noproxy", "*", *options, f"http://{address}:{PORT}{path}", check=check
        ).stdout


def identity_of(answer: str) -> str:
    """The id of an uploaded jar, from the answer to its upload."""
    told: dict[str, Any] = json.loads(answer)
    assert told["status"] == "success", told
    return str(told["filename"]).rpartition("/")[2]
