# Keelson: `make help` lists what there is to do.
DATA ?= .keelson
PORT ?= 7443
SEED ?=
SEEDS ?= 100
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help run demo test check fmt gen golden sim bench bench-placement torture install

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

node_modules/.installed: package.json package-lock.json
	@command -v npm >/dev/null || { echo "error: npm is missing (Debian: apt-get install npm)" >&2; exit 1; }
	npm install --no-save
	@touch $@

install: node_modules/.installed ## Install what the project needs from npm

run: node_modules/.installed ## Start a coordinator and this host's agent [DATA=dir] [PORT=n]
	@exec deploy/local/run "$(DATA)" "$(PORT)"

demo: node_modules/.installed ## The same with 24 simulated hosts in 3 racks
	@exec deploy/local/run "$(DATA)" "$(PORT)" --sim

test: node_modules/.installed ## Run every check and every suite; ends with N passed, N failed, N skipped
	@exec test/run

check: node_modules/.installed ## Types, format, lint, contract, generated code
	tsc -p .
	biome ci --error-on-warnings .
	cd proto && buf lint && buf format --diff --exit-code
	test/check-generated

fmt: node_modules/.installed ## Format and fix what can be fixed
	biome check --write .
	cd proto && buf format -w

gen: node_modules/.installed ## Generate shared/src/gen from proto/
	rm -rf shared/src/gen && cd proto && buf generate && buf build --exclude-source-info -o ../shared/src/gen/descriptors.binpb

golden: node_modules/.installed ## Rewrite golden outputs; read the diff before you commit it
	UPDATE_GOLDEN=1 vitest run

sim: node_modules/.installed ## Simulate whole clusters [SEED=n] [SEEDS=count]
	node test/sim/main.ts $(if $(SEED),--seed $(SEED),--seeds $(SEEDS))

torture: node_modules/.installed ## kill -9 coordinator and agent at random while creating volumes [ROUNDS=200]
	node test/torture/main.ts --rounds $(or $(ROUNDS),200)

bench: node_modules/.installed ## Measure speed and memory, as ratios to a peer or limit
	node test/bench/main.ts

bench-placement: node_modules/.installed ## Measure placement beside Ganeti's htools [INPUTS=dir] [OUT=file.json]
	node test/bench/placement/main.ts
