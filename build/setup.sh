# Sourced by ./eoonnx and ./test: checks the SDK, finds or installs libgdal, builds Release when a source is newer.
# shellcheck shell=bash
set -euo pipefail

fail() { echo "eoonnx: $*" >&2; exit 1; }

need_sdk() {
    command -v dotnet >/dev/null || fail "the .NET 10 SDK is missing: 'dotnet' is not on the PATH. Install it (https://dotnet.microsoft.com/download/dotnet/10.0), then run this again."
    dotnet --list-sdks | grep -q '^10\.' || fail "the .NET 10 SDK is missing: found $(dotnet --version 2>/dev/null || echo none). Install it (https://dotnet.microsoft.com/download/dotnet/10.0), then run this again."
}

find_gdal() {
    [ -n "${EOONNX_GDAL:-}" ] && { [ -e "$EOONNX_GDAL" ] || fail "EOONNX_GDAL names $EOONNX_GDAL, which does not exist."; return 0; }
    compgen -G '/usr/lib/*/libgdal.so*' >/dev/null || compgen -G '/usr/lib*/libgdal.so*' >/dev/null || compgen -G '/usr/local/lib/libgdal.so*' >/dev/null ||
        { command -v ldconfig >/dev/null && ldconfig -p | grep -q 'libgdal\.so'; }
}

# install_packages PACKAGE...: installs Debian packages with apt when this user may.
install_packages() {
    local sudo=""
    [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null && sudo="sudo"; } || fail "missing: $*. Install with: sudo apt-get install -y $*"
    command -v apt-get >/dev/null || fail "missing: $*. Install them with this system's package manager, or name the library with EOONNX_GDAL=/path/to/libgdal.so."
    echo "eoonnx: installing $* with apt-get …" >&2
    { $sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$@"; } >&2 </dev/null ||
        fail "apt-get could not install $*. Run: sudo apt-get update && sudo apt-get install -y $*"
}

need_gdal() { find_gdal || install_packages libgdal32 gdal-data proj-data; }

# Only the tests need it: eoonnx itself reaches a database over the network.
find_postgresql() { command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

sources_changed() {
    local stamp=$1
    [ ! -e "$stamp" ] || [ -n "$(find "$root" \( -name bin -o -name obj -o -name .git -o -name TestResults \) -prune -o \
        \( -name '*.cs' -o -name '*.csproj' -o -name '*.props' -o -name '*.proto' -o -name '*.json' -o -path "$root/models/*" \) -newer "$stamp" -type f -print -quit)" ]
}

# build_release PROJECT STAMP
build_release() {
    sources_changed "$2" || return 0
    need_sdk
    need_gdal
    echo "eoonnx: building (once; later starts are instant) …" >&2
    mkdir -p "$(dirname "$2")"
    touch "$2.started"   # a source that is edited while the build runs is newer than this
    local log; log=$(mktemp)
    dotnet build "$1" -c Release -v quiet -nologo >"$log" 2>&1 </dev/null || { cat "$log" >&2; rm -f "$log"; fail "the build failed; its messages stand above."; }
    rm -f "$log"
    mv "$2.started" "$2"
}
