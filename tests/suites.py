"""Builds and runs the suites for run.sh and adds up their results."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
SUITES = ["lint", "unit", "integration", "fuzz", "e2e", "faults", "clang", "asan", "tsan"]
# -g1: what their reports name, functions and lines, and no more. The warnings of clang that count
# need no optimizer.
BUILDS = {
    "build": ["-Dbuildtype=debugoptimized"],
    "build-asan": ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dbuildtype=debug",
                   "-Doptimization=1", "-Dc_args=-g1"],
    "build-tsan": ["-Db_sanitize=thread", "-Db_lundef=false", "-Dbuildtype=debug",
                   "-Doptimization=1", "-Dc_args=-g1"],
    "build-clang": ["-Dwerror=true", "-Dtests=false", "-Dbuildtype=plain"],
    "build-fuzz": ["-Dfuzz=true", "-Db_sanitize=address,undefined", "-Db_lundef=false",
                   "-Dc_args=-fsanitize=fuzzer-no-link", "-Dbuildtype=debug", "-Doptimization=1"],
}
# The stories that also run on the sanitizers' builds, with BUD_TEST_QUICK.
SANITIZED = ["publish:", "subscriptions:", "kills:dispatcher", "receiver_down:", "shutdown:"]
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": f"halt_on_error=0:second_deadlock_stack=1:suppressions={TESTS}/tsan.txt",
}
OUTPUT_LINES = 60
# Mostly they wait: three at a time use a seventh of two cores. With a sanitizer they do not.
STORIES_AT_A_TIME = 6
SANITIZED_AT_A_TIME = 3


class Results:
    """Thread safe: suites run beside builds."""

    def __init__(self):
        self.lock = threading.Lock()
        self.passed, self.failed, self.skipped = 0, [], []
        self.passed_of = {}

    def add(self, suite, name, state, output="", missing=""):
        with self.lock:
            if state == "ok":
                self.passed += 1
                self.passed_of[suite] = self.passed_of.get(suite, 0) + 1
            elif state == "skip":
                self.skipped.append((f"{suite}: {name}", missing))
            else:
                self.failed.append(f"{suite}: {name}")
                lines = output.rstrip().splitlines()[-OUTPUT_LINES:]
                print(f"FAIL {suite}: {name}\n    " + "\n    ".join(lines), flush=True)

    def finish(self):
        for name, missing in self.skipped:
            print(f"skipped {name}: {missing or 'no reason given'}")
        for name in self.failed:
            print(f"failed {name}")
        line = f"{self.passed} passed, {len(self.failed)} failed"
        print(line + (f", {len(self.skipped)} skipped" if self.skipped else ""))
        return 1 if self.failed or not self.passed else 0


results = Results()


def run(command, env=None, timeout=3600, log=None):
    """(exit code, output)."""
    try:
        done = subprocess.run(
            [str(c) for c in command], cwd=ROOT, env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, check=False)
    except (subprocess.TimeoutExpired, OSError) as error:
        return 1, str(error)
    return done.returncode, done.stdout.decode(errors="replace")


def said(suite, began):
    failed = len([f for f in results.failed if f.startswith(suite + ":")])
    state = f"{failed} failed" if failed else "ok"
    print(f"{suite}: {results.passed_of.get(suite, 0)} passed, {state}, "
          f"{time.monotonic() - began:.0f} s", flush=True)


def build(folder, suite):
    """True if it compiled; a failure is a failed test of `suite`."""
    env = {"CC": "clang"} if folder in ("build-clang", "build-fuzz") else {}
    began = time.monotonic()
    code, output = 0, ""
    if not (ROOT / folder / "build.ninja").exists():
        shutil.rmtree(ROOT / folder, ignore_errors=True)
        code, output = run(["meson", "setup", folder, *BUILDS[folder]], env)
    if code == 0:
        code, output = run(["ninja", "-C", folder], env)
    print(f"{folder}: {'built' if code == 0 else 'FAILED'}, "
          f"{time.monotonic() - began:.0f} s", flush=True)
    if code:
        results.add(suite, f"{folder} compiles", "FAIL", output)
    return code == 0


def meson_suite(suite, folder="build", report_as=None, env=None, multiplier=1):
    """Runs a suite's tests of one build. Returns how many there were."""
    report_as = report_as or suite
    wrapper = ["--wrapper", env.pop("WRAPPER")] if env and "WRAPPER" in env else []
    log = f"{suite}-{report_as}"
    path = ROOT / folder / "meson-logs" / f"{log}.json"
    path.unlink(missing_ok=True)
    if os.environ.get("BUD_TEST_NIGHTLY"):
        multiplier *= 100
    code, output = run(["meson", "test", "-C", folder, "--no-rebuild", "--suite", suite,
                        "--logbase", log, "-t", multiplier, *wrapper], env)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    states = {"OK": "ok", "EXPECTEDFAIL": "ok", "SKIP": "skip"}
    for line in lines:
        test = json.loads(line)
        text = test.get("stdout", "") + "\n" + test.get("stderr", "")
        state = states.get(test["result"], "FAIL")
        if state == "FAIL":
            text += f"\n{test['result']}, exit code {test.get('returncode')}"
        results.add(report_as, test["name"].split(" / ")[-1], state, text,
                    text.strip().splitlines()[-1] if text.strip() else "")
    if not lines and code:
        results.add(report_as, f"{suite} in {folder} runs", "FAIL", output)
    return len(lines)


def plain_suite(suite):
    began = time.monotonic()
    if not meson_suite(suite) and has_files(TESTS / suite):
        results.add(suite, "has tests", "FAIL", f"tests/{suite} exists, but meson runs nothing")
    said(suite, began)


def has_files(folder):
    return folder.is_dir() and any(p.is_file() and p.name != "meson.build"
                                   for p in folder.rglob("*"))


def program(folder):
    found = [p for p in (ROOT / folder).glob("src/app/budstikke*") if p.is_file()]
    found += [p for p in (ROOT / folder).glob("budstikke") if p.is_file()]
    return found[0] if found else None


def stories(suite, folder, build_folder="build", names=(), env=None, at_a_time=STORIES_AT_A_TIME):
    """The stories of a folder against one build's program: mostly they wait."""
    if not any((TESTS / folder).glob("story_*.py")):
        return
    binary = program(build_folder)
    if not binary:
        results.add(suite, "the program exists", "FAIL", f"no budstikke in {build_folder}")
        return
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        _, output = run(
            [sys.executable, "-B", TESTS / "e2e/run.py", "--jobs", at_a_time,
             "--results", out.name, "--folder", TESTS / folder, *names],
            {"BUDSTIKKE": str(binary), **(env or {})})
        text = Path(out.name).read_text(encoding="utf-8")
    if not text:
        results.add(suite, "stories run", "FAIL", output)
        return
    for story in json.loads(text):
        last = story["output"].strip().splitlines()
        results.add(suite, f"{story['name']} ({story['seconds']} s)", story["state"],
                    story["output"], last[-1] if last else "")


node_modules_lock = threading.Lock()


def node_modules():
    """npm ci, unless what is there is what the lock file says."""
    stamp = TESTS / "e2e/node_modules/.package-lock.json"
    lock = TESTS / "e2e/package-lock.json"
    with node_modules_lock:
        if stamp.exists() and stamp.stat().st_mtime >= lock.stat().st_mtime:
            return True
        code, output = run(["npm", "ci", "--no-audit", "--no-fund", "--prefix", TESTS / "e2e"])
    if code:
        results.add("e2e", "npm ci", "FAIL", output)
    return code == 0


def e2e():
    began = time.monotonic()
    if node_modules():
        code, output = run([sys.executable, "-B", TESTS / "e2e/test_kit.py"])
        results.add("e2e", "kit", "ok" if code == 0 else "FAIL", output)
        stories("e2e", "e2e")
    said("e2e", began)


def faults():
    began = time.monotonic()
    meson_suite("faults")
    if node_modules():
        stories("faults", "faults")
    said("faults", began)


def fuzz():
    plain_suite("fuzz")
    if os.environ.get("BUD_TEST_NIGHTLY") and has_files(TESTS / "fuzz"):
        if build("build-fuzz", "fuzz"):
            for target in sorted((ROOT / "build-fuzz/tests/fuzz").glob("fuzz_*")):
                if target.is_file():
                    fuzz_longer(target, TESTS / "fuzz/corpus" / target.name.removeprefix("fuzz_"))
            cesql = Path("subprojects/cesql/tests")
            fuzz_longer(ROOT / "build-fuzz" / cesql / "fuzz_cesql", ROOT / cesql / "corpus")


def fuzz_longer(target, corpus, seconds=600):
    """What it finds is kept in build-fuzz and is a failure."""
    name = target.name.removeprefix("fuzz_")
    with tempfile.TemporaryDirectory() as found:
        code, output = run([target, f"-max_total_time={seconds}", f"-artifact_prefix={target}-",
                            found, corpus])
    results.add("fuzz", f"{name} for {seconds} s", "FAIL" if code else "ok", output)


def clang():
    began = time.monotonic()
    if built.get("build-clang"):
        results.add("clang", "compiles without a warning", "ok")
    said("clang", began)


def thread_sanitizer_wrapper():
    """None, or the command it needs: with much address randomness it cannot lay out its memory.
    Raises with what is missing."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "a.c"
        source.write_text("int main(void) { return 0; }\n", encoding="ascii")
        code, output = run(["cc", "-fsanitize=thread", "-o", f"{folder}/a", source])
        if code:
            raise RuntimeError("a compiler with -fsanitize=thread")
        if all(run([f"{folder}/a"])[0] == 0 for _ in range(5)):
            return None
        if run(["setarch", "-R", f"{folder}/a"])[0] == 0:
            return "setarch -R"
    raise RuntimeError("ThreadSanitizer does not start on this kernel (vm.mmap_rnd_bits)")


def sanitizer(suite):
    began = time.monotonic()
    env = {**SANITIZER_OPTIONS, "BUD_TEST_SLOW": "4", "BUD_TEST_QUICK": "1"}
    folder = "build-" + suite
    if built.get(folder):
        story_env = dict(env)
        if suite == "tsan":
            try:
                wrapper = thread_sanitizer_wrapper()
            except RuntimeError as error:
                results.add(suite, "all", "skip", missing=str(error))
                return
            if wrapper:
                env["WRAPPER"] = wrapper
                story_env["BUD_TEST_WRAPPER"] = wrapper
        for which in ("unit", "integration"):
            meson_suite(which, folder, suite, dict(env), multiplier=5)
        if node_modules():
            stories(suite, "e2e", folder, SANITIZED, story_env, SANITIZED_AT_A_TIME)
    said(suite, began)


built = {}
RUN = {"lint": lambda: plain_suite("lint"), "unit": lambda: plain_suite("unit"),
       "integration": lambda: plain_suite("integration"), "fuzz": fuzz, "e2e": e2e,
       "faults": faults, "clang": clang, "asan": lambda: sanitizer("asan"),
       "tsan": lambda: sanitizer("tsan")}
BESIDE_BUILDS = ("lint", "unit", "integration", "fuzz")
BESIDE_EACH_OTHER = ("asan", "tsan")


def main():
    words = sys.argv[1:]
    if "--nightly" in words:
        words.remove("--nightly")
        os.environ["BUD_TEST_NIGHTLY"] = "1"
    unknown = [w for w in words if w not in SUITES]
    if unknown:
        sys.exit(f"unknown: {' '.join(unknown)}; suites: {' '.join(SUITES)}")
    chosen = [s for s in SUITES if not words or s in words]
    if any(s in chosen for s in (*BESIDE_BUILDS, "e2e", "faults")):
        built["build"] = build("build", "build")
        if not built["build"]:
            chosen = [s for s in chosen if s in ("clang", "asan", "tsan")]

    def others():
        for suite in ("clang", "asan", "tsan"):
            if suite in chosen:
                built["build-" + suite] = build("build-" + suite, suite)
    builder = threading.Thread(target=others)
    builder.start()
    for suite in chosen:
        if suite in BESIDE_BUILDS:
            RUN[suite]()
    builder.join()
    for suite in chosen:
        if suite not in (*BESIDE_BUILDS, *BESIDE_EACH_OTHER):
            RUN[suite]()
    together = [threading.Thread(target=RUN[s]) for s in chosen if s in BESIDE_EACH_OTHER]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    sys.exit(results.finish())


if __name__ == "__main__":
    main()
