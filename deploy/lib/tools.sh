# shellcheck shell=bash
# Tools for checks. They are installed once per machine, in the cache outside the project.

# use_cargo_tool NAME VERSION CONSEQUENCE: sets CARGO_TOOL. Debian has no packages of these tools, so a missing tool is built from
# source without optimisation, which takes minutes. CONSEQUENCE says what is not checked without the tool.
use_cargo_tool() {
  local root=$CACHE_DIR/tools/$1-$2
  CARGO_TOOL=$(command -v "$1" || echo "$root/bin/$1")
  if "$CARGO_TOOL" --version >/dev/null 2>&1; then return; fi
  say "building $1 $2, once for this machine; this takes minutes"
  cargo install "$1" --version "$2" --locked --debug --quiet --root "$root" || cannot "$1 could not be built: $3"
  CARGO_TOOL=$root/bin/$1
}

use_shellcheck() {
  command -v shellcheck >/dev/null || install_packages shellcheck
}

# make_python_environment FOLDER REQUIREMENTS: a Python with the packages of a requirements file and no others, each with its
# checksum. Removes the folder after a failure.
make_python_environment() {
  python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || install_packages python3-venv || return
  rm -rf "$1"
  if python3 -m venv "$1" &&
    "$1/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement "$2"; then
    return
  fi
  rm -rf "$1"
  return 1
}

# use_schemathesis: sets SCHEMATHESIS, a Python program. Its environment contains exactly the packages in
# deploy/schemathesis/requirements.txt, with their checksums.
use_schemathesis() {
  local requirements=$DEPLOY_DIR/schemathesis/requirements.txt root
  root=$CACHE_DIR/tools/schemathesis-$(sha256sum <"$requirements" | cut -c1-12)
  SCHEMATHESIS=$root/bin/schemathesis
  if "$SCHEMATHESIS" --version >/dev/null 2>&1; then return; fi
  say "installing Schemathesis, once for this machine"
  make_python_environment "$root" "$requirements" ||
    cannot "Schemathesis could not be installed: the services are not checked against their OpenAPI documents"
}

# use_cloudevents_python: sets CLOUDEVENTS_PYTHON, a Python with the CloudEvents SDK and a Kafka client (see use_schemathesis).
use_cloudevents_python() {
  local requirements=$DEPLOY_DIR/cloudevents/requirements.txt root
  root=$CACHE_DIR/tools/cloudevents-python-$(sha256sum <"$requirements" | cut -c1-12)
  CLOUDEVENTS_PYTHON=$root/bin/python
  if "$CLOUDEVENTS_PYTHON" -c 'import cloudevents, confluent_kafka' >/dev/null 2>&1; then return; fi
  say "installing the CloudEvents SDK for Python, once for this machine"
  make_python_environment "$root" "$requirements" ||
    cannot "the CloudEvents SDK for Python could not be installed: messages are not read through the CloudEvents SDKs"
}

# use_cloudevents_node: sets CLOUDEVENTS_NODE_MODULES, a folder with the CloudEvents SDK for the installed version of Node, a Kafka
# client and its lz4 codec (which is compiled): exactly the packages in package-lock.json, with their checksums. Debian 12 has
# Node 18.
use_cloudevents_node() {
  local major lock root prefix
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    install_packages nodejs npm || cannot "Node is not installed: messages are not read through the CloudEvents SDKs"
  fi
  major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge 18 ] || cannot "Node $major is too old: messages are not read through the CloudEvents SDKs"
  lock=$DEPLOY_DIR/cloudevents/node$([ "$major" -ge 20 ] && echo 20 || echo 18)
  root=$CACHE_DIR/tools/cloudevents-node-$major-$(sha256sum <"$lock/package-lock.json" | cut -c1-12)
  CLOUDEVENTS_NODE_MODULES=$root/node_modules
  if node_has_cloudevents; then return; fi
  say "installing the CloudEvents SDK for JavaScript, once for this machine"
  rm -rf "$root"
  mkdir -p "$root"
  cp "$lock/package.json" "$lock/package-lock.json" "$root"
  # Use the headers of the installed Node if there are any; otherwise npm downloads them.
  prefix=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
  if [ -e "$prefix/include/node/common.gypi" ]; then export npm_config_nodedir=$prefix; fi
  if ! (cd "$root" && npm ci --no-audit --no-fund --loglevel=error) || ! node_has_cloudevents; then
    rm -rf "$root"
    cannot "the CloudEvents SDK for JavaScript could not be installed: messages are not read through the CloudEvents SDKs"
  fi
}

node_has_cloudevents() {
  NODE_PATH=$CLOUDEVENTS_NODE_MODULES node -e 'require("cloudevents"); require("kafkajs"); require("kafkajs-lz4")' \
    >/dev/null 2>&1
}
