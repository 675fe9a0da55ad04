# shellcheck shell=bash
# Sourced by scripts/package-npm and scripts/package-deb: what both are made of.

. "$(dirname "${BASH_SOURCE[0]}")/../env"
cd "$SPILLWAY_CHECKOUT" || exit
if ! use_node || ! packages_current; then
  scripts/setup
  use_node
fi

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }

# The version is package.json's, there alone.
# shellcheck disable=SC2034  # whoever sources this uses it
version=$(node -p 'require("./package.json").version')
# So that the same commit makes the same package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

# stage_program FOLDER: the program as JavaScript, with a manifest that names what it needs when it runs.
stage_program() {
  mkdir -p "$1"
  node tools/build/main.ts --out "$1/dist"
  node tools/build/manifest.ts >"$1/package.json"
}

# stage_modules FOLDER: the packages that it needs when it runs, as locked.
stage_modules() {
  mkdir -p "$1.modules"
  cp package.json package-lock.json .npmrc "$1.modules/"
  npm ci --prefix "$1.modules" --omit=dev --ignore-scripts --prefer-offline >&2
  mv "$1.modules/node_modules" "$1/node_modules"
  rm -rf "$1.modules" "$1/node_modules/.bin" "$1/node_modules/.package-lock.json"
}
