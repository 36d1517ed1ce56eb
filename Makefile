# SPDX-License-Identifier: Apache-2.0
# A thin front: Meson builds, the scripts in tools/ and tests/ do the rest. `make help` lists what there is.
BUILD ?= build
PREFIX ?= /usr/local

all: build
.PHONY: all build run test test-all sanitize bench lint fuzz bless install clean help man

build: ## build build/runrate and link ./runrate
	@tools/install run
	@tools/build $(BUILD)

run: build ## gateway, sandbox vendor, demo traffic, in the foreground
	@exec ./runrate serve --demo

test: ## everything that proves it, in under 5 minutes
	@tools/install test
	@tools/build $(BUILD)
	@tests/run

test-all: ## the long ones too
	@tools/install all
	@tools/build $(BUILD)
	@tests/run --all

bench: ## speed beside named rivals, as ratios
	@tools/install bench
	@tools/build build-release --release
	@bench/run
	@bench/imports

sanitize: ## the tests under address and undefined-behaviour sanitizers (about 15 minutes)
	@tools/install test
	@tools/build build-asan --sanitize
	@BUILD=build-asan ASAN_OPTIONS=allocator_may_return_null=1 tests/run

lint: ## both compilers, clang-tidy, layering, file sizes
	@tools/install lint
	@tools/lint

fuzz: ## libFuzzer on every target (FUZZ_SECONDS each, default 60)
	@tools/install fuzz
	@tools/fuzz

bless: build ## accept the present output of the golden tests
	@tests/golden/run --bless

man: build ## write docs/man from the commands' own tables
	@./runrate help --all-man docs/man

install: build ## binary, man pages, completion under PREFIX (default /usr/local)
	@tools/build build-release --release
	@meson install -C build-release --quiet

clean: ## remove build folders
	@rm -rf build build-* runrate

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12
