# Every test, and one closing line: "N passed, N failed".
#
# A step that gives no count of its own (a check, a fuzzer run) counts as one.

TEST_PASSED=0
TEST_FAILED=0
TEST_FAILURES=()

TEST_PARTS_HELP='./dev test [part...]: runs the parts, or all but asan, tsan and tidy:
  format      clang-format
  unit        cmocka tests and the simulation
  e2e         processes, PostgreSQL and NATS, from outside
  manifests   k8s/ rendered and checked
  fuzz        every fuzzer, 3 seconds each
  asan tsan   unit under the sanitizers
  tidy        clang-tidy'

# test_count NAME PASSED FAILED
test_count() {
    TEST_PASSED=$((TEST_PASSED + $2))
    TEST_FAILED=$((TEST_FAILED + $3))
    if (($3 > 0)); then
        TEST_FAILURES+=("$1")
    fi
    say "-- $1: $2 passed, $3 failed"
}

# test_one NAME COMMAND...: a step that counts as one.
test_one() {
    local name=$1
    shift
    if "$@"; then
        test_count "$name" 1 0
    else
        test_count "$name" 0 1
    fi
}

test_sources() {
    (cd "$DEV_ROOT" && find . \( -name build -o -name .dev -o -name .git \) -prune -o \
        \( -name '*.c' -o -name '*.h' \) -print | sort)
}

test_format() {
    step "clang-format"
    # shellcheck disable=SC2046
    (cd "$DEV_ROOT" && clang-format --dry-run -Werror $(test_sources) >&2)
}

# Each cmocka executable counts its own tests; any other test of ctest counts as one. What ended
# without a summary (a crash, a time-out) counts as one failure.
test_ctest_counts() {
    awk '
        function close_test() {
            if (!open) return
            if (counted) { passed += p; failed += (f == 0 && bad) ? 1 : f }
            else if (bad) failed++
            else passed++
        }
        /^[0-9]+\/[0-9]+ Test(ing)?: / && /Testing: / { close_test(); open = 1; counted = p = f = 0; bad = 1 }
        /^\[  PASSED  \] [0-9]+ test/ { p += $4; counted = 1 }
        /^\[  FAILED  \] [0-9]+ test/ { f += $4; counted = 1 }
        /^Test Passed\.$/ { bad = 0 }
        END { close_test(); print passed + 0, failed + 0 }
    ' "$1"
}

# test_ctest PRESET
test_ctest() {
    local directory=$DEV_ROOT/build/$1 passed failed status=0 log=$DEV_ROOT/build/$1/Testing/Temporary/LastTest.log
    step "unit tests and simulation ($1)"
    rm -f "$log"
    UBSAN_OPTIONS=print_stacktrace=1 ctest --test-dir "$directory" -j2 --output-on-failure \
        --timeout 300 >&2 || status=1
    if [[ -f $log ]]; then
        read -r passed failed < <(test_ctest_counts "$log")
        if ((failed < status)); then
            failed=$status # a test that could not be run is not in the log
        fi
        test_count "unit $1" "$passed" "$failed"
    else
        test_count "unit $1" 0 1
    fi
}

# test_pytest NAME ARGUMENTS...
test_pytest() {
    local name=$1 report passed failed
    shift
    report=$(mktemp)
    step "pytest: $name"
    (cd "$DEV_ROOT" && CRONCOCO_BIN=$DEV_ROOT/build/release/bin timeout -k 30 1200 \
        /usr/bin/python3 -m pytest --junitxml="$report" -o junit_family=xunit2 "$@" >&2)
    read -r passed failed < <(/usr/bin/python3 - "$report" <<'PYTHON'
import sys
import xml.etree.ElementTree as tree

try:
    suites = list(tree.parse(sys.argv[1]).getroot().iter("testsuite"))
except (OSError, tree.ParseError):
    suites = []


def total(name):
    return sum(int(suite.get(name, 0)) for suite in suites)


failed = total("failures") + total("errors")
print(max(total("tests") - failed - total("skipped"), 0), failed if total("tests") else 1)
PYTHON
    )
    rm -f "$report"
    test_count "$name" "$passed" "$failed"
}

# The npm packages that sign, and check signatures. A test that needs one says what is missing.
test_node_packages() {
    step "npm packages"
    "$DEV_ROOT/tests/e2e/node/install" "$DEV_ROOT/build/node" || say "npm could not install them: see above"
}

# A line for each fuzzer: its name and ok or FAILED.
test_fuzz() {
    local report passed failed status=0
    report=$(mktemp)
    step "fuzzers"
    "$DEV_ROOT/tests/fuzz/run" 3 | tee "$report" >&2 || status=1
    passed=$(grep -c '^[a-z_]* *ok ' "$report")
    failed=$(grep -c '^[a-z_]* *FAILED' "$report")
    if ((failed < status)); then
        failed=$status
    fi
    rm -f "$report"
    test_count fuzz "$passed" "$failed"
}

test_tidy() {
    local findings status=0
    step "clang-tidy"
    findings=$(cd "$DEV_ROOT" && run-clang-tidy -quiet -j "$(nproc)" -p build/release 2>/dev/null) ||
        status=1
    sed 's|\x1b\[[0-9;]*m||g' <<<"$findings" |
        grep -v '^clang-tidy\|^[0-9]* warnings generated\|^$' >&2 || true
    return "$status"
}

# test_ahead PART...: the tests mostly wait, so what needs nothing but processors goes on beside them,
# with what they leave: the build of asan, then clang-tidy, if they are among the parts.
test_ahead() {
    TEST_AHEAD=$(mktemp -d)
    set -m # a process group of its own, so that it ends with us
    (
        renice -n 19 "$BASHPID" >/dev/null
        if [[ " $* " == *" asan "* ]]; then
            (build asan)
            touch "$TEST_AHEAD/asan.done"
        fi
        if [[ " $* " == *" tidy "* ]]; then
            test_tidy 2>"$TEST_AHEAD/tidy.log" && touch "$TEST_AHEAD/tidy.well"
        fi
    ) >"$TEST_AHEAD/log" 2>&1 &
    TEST_AHEAD_PID=$!
    set +m
    trap 'kill -- "-$TEST_AHEAD_PID" 2>/dev/null; rm -rf "$TEST_AHEAD"' EXIT
}

# Whether what runs ahead has made that file; waits for it, or for the end of it all.
test_caught_up() {
    [[ -n ${TEST_AHEAD_PID:-} ]] || return 1
    while [[ ! -e $TEST_AHEAD/$1 ]] && kill -0 "$TEST_AHEAD_PID" 2>/dev/null; do
        sleep 1
    done
    [[ -e $TEST_AHEAD/$1 ]]
}

test_tidy_or_its_outcome() {
    local well=yes
    if [[ -z ${TEST_AHEAD_PID:-} ]]; then
        test_tidy
        return
    fi
    test_caught_up tidy.well || well=
    cat "$TEST_AHEAD/tidy.log" >&2
    [[ -n $well ]]
}

test_part() {
    case $1 in
    format) test_one format test_format ;;
    unit) test_ctest release ;;
    e2e)
        test_node_packages
        build release cli_packages
        test_pytest e2e tests/e2e -n 6
        ;;
    manifests) test_pytest manifests tests/k8s ;;
    fuzz) test_fuzz ;;
    asan | tsan)
        [[ $1 != asan ]] || test_caught_up asan.done
        build "$1" # says what was wrong, if it could not be built ahead
        test_ctest "$1"
        ;;
    tidy) test_one tidy test_tidy_or_its_outcome ;;
    esac
}

test_run() {
    local part
    local -a parts=("$@")
    if ((${#parts[@]} == 0)); then
        parts=(format manifests unit fuzz e2e)
    fi
    for part in "${parts[@]}"; do
        case $part in
        format | unit | e2e | manifests | fuzz | asan | tsan | tidy) ;;
        help)
            printf '%s\n' "$TEST_PARTS_HELP"
            return 0
            ;;
        *) fail "unknown part '$part': ./dev test help" ;;
        esac
    done
    stack_prepare
    packages_ensure build run test
    build release
    # The tests have servers and directories of their own: nothing of .dev/ is held from here on.
    flock -u 9
    if ((${#parts[@]} > 1)); then
        test_ahead "${parts[@]}"
    fi
    for part in "${parts[@]}"; do
        test_part "$part"
    done
    if ((TEST_FAILED > 0)); then
        printf '\nFailed: %s\n' "${TEST_FAILURES[*]}"
    fi
    printf '%s passed, %s failed\n' "$TEST_PASSED" "$TEST_FAILED"
    ((TEST_FAILED == 0))
}
