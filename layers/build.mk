# How the function and its layers are built; `sam build` and local/ use the same recipes, from the project's root.
# Only pure Python goes in, so that what is tested on one architecture is, byte for byte, what runs on the other.

PYTHON ?= python3
# The runtime's own minor version where the machine has it: for byte-code, and for the local runtime. A build without it
# has no byte-code, which costs cold starts.
ifndef PYTHON313
PYTHON313 := $(shell for p in python3.13 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.13.*/bin/python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null && { command -v "$$p"; break; }; done)
endif

INSTALL := $(PYTHON) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --no-compile \
	--require-hashes --only-binary=:all: --platform any --implementation py --abi none --python-version 3.13

# Byte-code that Lambda's read-only file system can use whatever the files' times are: without it a cold start compiles.
define byte-code
	@if [ -n "$(PYTHON313)" ]; then "$(PYTHON313)" -m compileall -q --invalidation-mode unchecked-hash -j 0 "$(1)"; \
	else echo "skipped: byte-code of $(notdir $(ARTIFACTS_DIR)), there is no python3.13"; fi
endef
