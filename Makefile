PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
EXTRAS ?= remote,test

.PHONY: demo test slow lint data clean

demo: $(INSTALLED)  ## a pretrained model's images, then train, export, serve and query once; all lands in demo/
	$(BIN)/kerasgan sample biggan_fashion_mnist -n 80 --out demo/pretrained.png
	@$(MAKE) --no-print-directory data
	$(BIN)/python -m kerasgan.demo

test: $(INSTALLED)  ## the test suite; with EXTRAS=remote,test,parity also the comparisons with PyTorch
	-@$(MAKE) --no-print-directory data
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -n auto --dist loadfile

slow: data  ## the tests that take minutes
	$(BIN)/python -m pytest -m slow -n auto

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

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
$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	for extra in $(subst $(comma), ,$(EXTRAS)); do \
	  $(BIN)/python -m pip freeze --exclude-editable > $(VENV)/brought.txt && \
	  $(BIN)/python -m pip install --disable-pip-version-check -c $(VENV)/brought.txt -e ".[$$extra]" || exit 1; \
	done
	touch $@

clean:
	rm -rf $(VENV) demo build dist *.egg-info
