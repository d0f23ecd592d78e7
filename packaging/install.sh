#!/bin/sh
# Installs, upgrades or removes linewatch on Linux and macOS. Nothing is installed whose SHA-256 was not the expected one.
#
#   sh install.sh SOURCE             SOURCE: a release archive (linewatch-VERSION-TARGET.tar.gz), or the folder it lies in with
#                                    SHA256SUMS, as a path or as https:// or file:// URL
#   sh install.sh --uninstall        removes what was installed; settings and history stay
#
#   --prefix DIR     where to [default: /usr/local as root, else ~/.local]
#   --sha256 HEX     what the archive must be [default: what SHA256SUMS beside it says]
#   --no-service     no systemd service, although root asks and systemd is there
#
# Run it again with a newer archive to upgrade: the running service is restarted, and only then. Run it again with the same
# one: nothing changes.
set -eu

# A published copy has the address of its own release here.
releases=
source=
prefix=
sha256=
service=auto
uninstall=no

say() { printf '%s\n' "$*"; }
fail() {
    printf 'error: %s\n' "$1" >&2
    [ $# -lt 2 ] || printf '  help: %s\n' "$2" >&2
    exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }
usage() { sed -n '2,/^set -eu/{/^#/s/^# \{0,1\}//p;}' "$0"; }

while [ $# -gt 0 ]; do
    case $1 in
    --prefix | --sha256)
        [ $# -ge 2 ] || fail "$1 needs a value"
        case $1 in --prefix) prefix=$2 ;; *) sha256=$2 ;; esac
        shift
        ;;
    --no-service) service=no ;;
    --uninstall) uninstall=yes ;;
    -h | --help)
        usage
        exit 0
        ;;
    -*) fail "there is no option \"$1\"" "sh install.sh --help lists them" ;;
    *)
        [ -z "$source" ] || fail "two sources: \"$source\" and \"$1\""
        source=$1
        ;;
    esac
    shift
done

if [ -z "$prefix" ]; then
    if [ "$(id -u)" = 0 ]; then prefix=/usr/local; else prefix=${HOME:?}/.local; fi
fi
case $prefix in
/*) ;;
*) prefix=$(pwd)/$prefix ;;
esac
manifest=$prefix/share/linewatch/manifest
unit=/etc/systemd/system/linewatch.service
# Only the installation of root into its own place is a service of the system.
if [ "$service" = auto ] && { [ "$(id -u)" != 0 ] || [ "$prefix" != /usr/local ] || ! has systemctl; }; then
    service=no
fi
# Whether systemd runs here, and not merely lies here (a container, a chroot).
runs_systemd() { [ -d /run/systemd/system ]; }

if [ "$uninstall" = yes ]; then
    [ -f "$manifest" ] || fail "linewatch was not installed into $prefix by this script" "name the place with --prefix"
    is_service=no
    if grep -qx "$unit" "$manifest" && runs_systemd; then is_service=yes; fi
    if [ "$is_service" = yes ]; then systemctl disable --now linewatch.service || true; fi
    while IFS= read -r path; do rm -f -- "$path"; done <"$manifest"
    rm -f -- "$manifest"
    rmdir "$prefix/share/linewatch" 2>/dev/null || true
    if [ "$is_service" = yes ]; then systemctl daemon-reload || true; fi
    say "linewatch is removed from $prefix"
    for kept in /etc/linewatch /var/lib/linewatch "${XDG_DATA_HOME:-${HOME:-/}/.local/share}/linewatch"; do
        if [ -d "$kept" ]; then say "kept: $kept"; fi
    done
    exit 0
fi

case $(uname -s) in
Linux) system=unknown-linux-musl ;;
Darwin) system=apple-darwin ;;
*) fail "no archive is made for $(uname -s)" "on Windows take linewatch.exe; elsewhere: cargo build --release" ;;
esac
case $(uname -m) in
x86_64 | amd64) target=x86_64-$system ;;
aarch64 | arm64) target=aarch64-$system ;;
*) fail "no archive is made for $(uname -m)" "cargo build --release makes a program for this computer" ;;
esac

source=${source:-$releases}
[ -n "$source" ] || fail "where from?" "sh install.sh ARCHIVE, or the folder or URL it lies in; --help tells more"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# fetch FROM TO
fetch() {
    case $1 in
    file://*) cp -- "${1#file://}" "$2" ;;
    https://*)
        if has curl; then
            curl --proto '=https' --proto-redir '=https' --fail --silent --show-error --location --output "$2" "$1"
        elif has wget; then
            wget --https-only --quiet --output-document "$2" "$1"
        else
            fail "neither curl nor wget is here" "install one of them, or fetch $1 yourself and name the file"
        fi
        ;;
    *://*) fail "$1 is not fetched: only https:// and file:// are" ;;
    *) cp -- "$1" "$2" ;;
    esac
}

case $source in
*.tar.gz)
    base=${source%/*}
    [ "$base" != "$source" ] || base=.
    archive=${source##*/}
    ;;
*)
    base=${source%/}
    archive=
    ;;
esac
if [ -z "$sha256" ]; then
    fetch "$base/SHA256SUMS" "$work/SHA256SUMS" ||
        fail "no SHA256SUMS beside the archive, in $base" "name the sum with --sha256, from where you trust it"
    if [ -z "$archive" ]; then
        archive=$(awk -v end="-$target.tar.gz" '{ at = length($2) - length(end) + 1
            if (at > 0 && substr($2, at) == end) last = $2 } END { print last }' "$work/SHA256SUMS")
        [ -n "$archive" ] || fail "SHA256SUMS in $base names no archive for $target"
    fi
    sha256=$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1; exit }' "$work/SHA256SUMS")
    [ -n "$sha256" ] || fail "SHA256SUMS in $base does not name $archive"
fi
[ -n "$archive" ] || fail "--sha256 goes with one archive" "name the archive itself instead of its folder"
case $archive in
*"$target"*) ;;
*) fail "$archive is for another computer: this one is $target" ;;
esac
fetch "$base/$archive" "$work/$archive" || fail "cannot fetch $base/$archive"

if has sha256sum; then
    found=$(sha256sum "$work/$archive")
else
    found=$(shasum -a 256 "$work/$archive")
fi
found=${found%% *}
[ "$found" = "$(printf %s "$sha256" | tr 'A-F' 'a-f')" ] ||
    fail "$archive is not what it should be: its SHA-256 is $found, expected $sha256" "nothing was installed; fetch it again"

name=${archive%.tar.gz}
if tar -tzf "$work/$archive" | grep -v "^$name/" | grep -q . || tar -tzf "$work/$archive" | grep -q '\.\./'; then
    fail "$archive has files outside its folder $name"
fi
tar -xzf "$work/$archive" -C "$work"
new=$work/$name
version=$("$new/linewatch" --version) || fail "the program in $archive does not run here"

changed=no
: >"$work/manifest"
# put FROM TO MODE: by rename, so that a program in use goes on with its old file
put() {
    printf '%s\n' "$2" >>"$work/manifest"
    if cmp -s "$1" "$2"; then return; fi
    mkdir -p "${2%/*}"
    cp -- "$1" "$2.new"
    chmod "$3" "$2.new"
    mv -f -- "$2.new" "$2"
    changed=yes
}
had=no
[ ! -f "$manifest" ] || had=yes
put "$new/linewatch" "$prefix/bin/linewatch" 755
put "$new/linewatch.sample.toml" "$prefix/share/linewatch/linewatch.sample.toml" 644
for page in "$new"/man/*.1; do put "$page" "$prefix/share/man/man1/${page##*/}" 644; done
put "$new/completions/linewatch.bash" "$prefix/share/bash-completion/completions/linewatch" 644
put "$new/completions/_linewatch" "$prefix/share/zsh/site-functions/_linewatch" 644
put "$new/completions/linewatch.fish" "$prefix/share/fish/vendor_completions.d/linewatch.fish" 644

if [ "$service" = auto ]; then
    sed "s|/usr/bin/linewatch|$prefix/bin/linewatch|g" "$new/linewatch.service" >"$work/unit"
    put "$work/unit" "$unit" 644
    put "$new/linewatch.sysusers" /etc/sysusers.d/linewatch.conf 644
    if [ ! -e /etc/linewatch/linewatch.toml ]; then
        mkdir -p /etc/linewatch
        cp -- "$new/linewatch.sample.toml" /etc/linewatch/linewatch.toml
    fi
elif [ "$(id -u)" = 0 ] && has setcap; then
    # +p, not +ep: a program with +ep does not start at all where the capability is out of bounds; linewatch raises it itself.
    setcap cap_net_raw+p "$prefix/bin/linewatch" || say "note: ICMP needs one more step: linewatch doctor tells which"
fi

# What an older version had and this one has not.
if [ "$had" = yes ]; then
    while IFS= read -r path; do grep -qxF -- "$path" "$work/manifest" || rm -f -- "$path"; done <"$manifest"
fi
mkdir -p "${manifest%/*}"
cp -- "$work/manifest" "$manifest"

if [ "$service" = auto ]; then
    if has systemd-sysusers; then systemd-sysusers /etc/sysusers.d/linewatch.conf; fi
    if runs_systemd; then
        systemctl daemon-reload
        systemctl enable linewatch.service
        if [ "$changed" = yes ]; then systemctl restart linewatch.service; else systemctl start linewatch.service; fi
    fi
fi

if [ "$changed" = no ]; then
    say "$version is already in $prefix"
elif [ "$had" = yes ]; then
    say "$version is in $prefix now"
else
    say "$version is installed into $prefix"
fi
if [ "$service" = auto ]; then
    say "http://127.0.0.1:5000 (this computer only); settings: /etc/linewatch/linewatch.toml"
else
    case :$PATH: in
    *:"$prefix/bin":*) say "start it: linewatch" ;;
    *) say "start it: $prefix/bin/linewatch" ;;
    esac
fi
