PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
EXTRAS ?= remote,test

.PHONY: demo test parity slow next lint docs data clean

demo: $(INSTALLED)  ## a pretrained model's images, then train, export, serve and query once; all lands in demo/
	$(BIN)/kerasgan sample sn_hinge_fashion_mnist -n 80 --out demo/pretrained.png
	@$(MAKE) --no-print-directory data
	$(BIN)/python -m kerasgan.cli.demo

test: $(INSTALLED)  ## all tests but those that take minutes or need PyTorch
	-@$(MAKE) --no-print-directory data
	$(BIN)/python -m pytest -n auto --dist loadfile

parity: $(VENV)/.parity  ## the comparisons with PyTorch and other implementations, which it installs
	$(BIN)/python -m pytest -m "parity and not slow" --no-skips -n auto --dist loadfile

slow: data  ## the tests that take minutes
	$(BIN)/python -m pytest -m slow -n auto

next:  ## what a user does first, with the nightly builds of TensorFlow and Keras, in an environment made for it
	$(PYTHON) tests/next_releases.py --venv .venv-next

lint: $(INSTALLED)  ## style, types of what mypy is to check (pyproject.toml), the order of the floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.docs  ## the documentation site, in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build  # with --quiet warnings would not be errors

# Fashion-MNIST through tensorflow-datasets; from Debian's package where TFDS's host cannot be reached.
data: $(INSTALLED)
	@$(BIN)/python -m kerasgan.data fashion_mnist || { \
	  if [ "$$(id -u)" = 0 ]; then sudo=; else sudo="sudo -n"; fi; \
	  echo "installing Debian's dataset-fashion-mnist"; \
	  $$sudo apt-get update -qq && $$sudo apt-get install -y -qq dataset-fashion-mnist && \
	  $(BIN)/python -m kerasgan.data fashion_mnist; }

# One extra after the other, each with what the ones before it brought: s3fs needs an older botocore than boto3's newest
# does, and all at once pip tries hundreds of versions.
comma := ,
define install
	$(BIN)/python -m pip freeze --exclude-editable > $(VENV)/brought.txt
	$(BIN)/python -m pip install --disable-pip-version-check -c $(VENV)/brought.txt -e ".[$(1)]"

endef

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(foreach extra,$(subst $(comma), ,$(EXTRAS)),$(call install,$(extra)))
	touch $@

$(VENV)/.parity: $(INSTALLED)
	$(call install,parity)
	touch $@

$(VENV)/.docs: $(INSTALLED)
	$(call install,docs)
	touch $@

clean:
	rm -rf $(VENV) .venv-ci .venv-next site demo build dist *.egg-info
