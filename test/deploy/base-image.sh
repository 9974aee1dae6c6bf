#!/bin/sh
# Fills a directory with a stand-in for the official image `node:...-slim`, without a registry of images: the files of
# this machine's Debian packages, npm, and the Node that runs the tests.
# Usage: base-image.sh DIRECTORY NODE NPM_DIRECTORY
set -eu
root=$1 node=$2 npm=$3

mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64"
for link in bin sbin lib lib64; do ln -s "usr/$link" "$root/$link"; done
mkdir -p "$root/dev" "$root/proc" "$root/root" "$root/sys" "$root/var" "$root/usr/local/bin" "$root/usr/local/lib/node_modules"
mkdir -m 1777 "$root/tmp"

dpkg-query -L dash bash coreutils grep sed findutils libc-bin libc6 libgcc-s1 libstdc++6 libatomic1 libacl1 libattr1 \
  libgmp10 libselinux1 libpcre2-8-0 libtinfo6 libssl3 libssl3t64 libcap2 libsystemd0 libzstd1 zlib1g base-files 2>/dev/null |
  grep -E '^/(s?bin|lib(64)?|usr/s?bin|usr/lib)/' |
  while read -r file; do if [ -L "$file" ] || [ ! -d "$file" ]; then echo "$file"; fi; done |
  tar --create --dereference --no-recursion --files-from - 2>/dev/null |
  tar --extract --directory "$root" --keep-directory-symlink

cp "$node" "$root/usr/local/bin/node"
cp -R "$npm" "$root/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
