# Builds with CMake presets: build/<preset>.

# build PRESET [TARGET...]
build() {
    local preset=$1
    shift
    if [[ ! -f $DEV_ROOT/build/$preset/build.ninja ]]; then
        say "Configuring build/$preset"
        (cd "$DEV_ROOT" && cmake --preset "$preset" >"$DEV_ROOT/.dev/cmake-$preset.log" 2>&1) || {
            cat "$DEV_ROOT/.dev/cmake-$preset.log" >&2
            fail "cmake could not configure the $preset build: see above"
        }
    fi
    local -a targets=()
    local target
    for target in "$@"; do
        targets+=(--target "$target")
    done
    (cd "$DEV_ROOT" && NINJA_STATUS="[build %f/%t] " cmake --build --preset "$preset" \
        "${targets[@]}" >&2) || fail "the $preset build failed: see above"
}
