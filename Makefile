# Every target installs what it needs first, and is quiet about what is there already.
SETUP := harness/setup

.PHONY: help demo bench bench-reference tools postgres rust lint test live compare-original document-log document-checks document-guide document-page window verify-size verify-random memory page-size stand-still scenarios sweep matrix fresh dist advisories clean-tools

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: postgres ## Upgrade a 1.7 catalogue on a throwaway PostgreSQL, and have a wrong mapping refused
	cargo build --release --workspace --bins
	@target/release/chameleon-harness demo

lint: rust ## Check formatting, warnings, documentation, and that what it cites is there
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps --workspace
	cargo test --quiet --test papers
	env -u CI cargo test --quiet --test guide
	@if command -v shellcheck >/dev/null; then shellcheck --external-sources $(SETUP)/*.sh packaging/*.sh .ci/run; \
	else echo "shellcheck is not installed: the shell scripts are not checked"; fi
	@if command -v cargo-deny >/dev/null; then cargo deny --offline check licenses bans sources; \
	else echo "cargo-deny is not installed: the licences and sources of the dependencies are not checked"; fi

# What the server's version can make a difference to.
BY_VERSION := --test scenarios --test upgrade --test catalogue_v2

test: tools ## Run all tests, and those of the server's versions on PostgreSQL 16, 17 and 18 too
	@$(SETUP)/tests.sh
	@CHAMELEON_MATRIX_TESTS="$(BY_VERSION)" $(SETUP)/matrix.sh 16 17 18
	cargo test --quiet -p chameleon-upgrade --test rehearsal -- own_version_is_taken

live: tools ## Run the live scenarios: the real MariaDB and MySQL, the real pg_chameleon 1.8.2 and 2.0.21
	CHAMELEON_LIVE=all cargo test -p chameleon-upgrade --test live --test original --test log

compare-original: tools ## Run the upgrade of pg_chameleon 2.0.21 beside ours, and write docs/original.md anew
	CHAMELEON_WRITE_DOCS=1 cargo test -p chameleon-upgrade --test original

document-log: tools ## Run each setting that changes what MySQL logs through the real daemon, and write docs/log.md anew
	CHAMELEON_WRITE_DOCS=1 cargo test -p chameleon-upgrade --test log

document-checks: rust ## Write docs/checks.md anew from the lists of checks
	CHAMELEON_WRITE_DOCS=1 cargo test --test papers

document-guide: tools ## Play the guide on the real programs, and write anew what its commands show
	CHAMELEON_WRITE_DOCS=1 cargo test -p chameleon-upgrade --test guide

document-page: tools ## Take the pictures of a rehearsal's page anew (REPORT=FILE: of that report)
	CHAMELEON_WRITE_DOCS=1 $(if $(REPORT),CHAMELEON_REPORT=$(abspath $(REPORT)) )cargo test -p chameleon-harness --test page -- pictures_of_the_page

window: tools ## Read a window of 1 GiB of binary log, and say how fast and in how much memory
	CHAMELEON_WINDOW_MIB=1024 cargo test --release -p chameleon-upgrade --test mysql -- --nocapture size::

verify-size: tools ## Compare a table of 10,000,000 rows with MySQL, and say how fast and in how much memory
	CHAMELEON_VERIFY_ROWS=10000000 cargo test --release -p chameleon-upgrade --test mysql -- --nocapture size::a_large_table

verify-random: tools ## Compare 1,000 random tables that each pg_chameleon has copied, and find what is planted in a third of them
	CHAMELEON_RANDOM_TABLES=1000 cargo test -p chameleon-upgrade --test mysql -- --nocapture random_tables

page-size: tools ## Make the page of a rehearsal with 100,000 and with 1,000,000 tables, and say how large it is and how fast
	cargo test --release -p chameleon-harness --test page -- --nocapture a_million_tables

stand-still: tools ## Rehearse ten replicas of different size with the real programs, upgrade them, and say how long they stood still and were to
	cargo test --release -p chameleon-upgrade --test live -- stand_still/ --nocapture --test-threads=1

memory: postgres ## Check and upgrade 3,000,000 kept batches, 1,000,000 tables and events, in 64 MiB; say how long it takes
	CHAMELEON_MEMORY=full cargo test --release -p chameleon-upgrade --test memory -- --nocapture

scenarios: postgres ## Run the scenarios, each on a database of its own
	cargo build --release --workspace --bins
	@target/release/chameleon-harness run

# Several catalogues, every SQLSTATE at every message, a retry after every run, and pairs of faults.
SWEPT := batch_listed batch_two_live names_that_hurt two_new_sources

sweep: postgres ## Make every fault happen at every message of several upgrades, and pairs of faults: takes an hour
	cargo build --release --workspace --bins
	@target/release/chameleon-harness sweep --pairs 300
	@for verb in rollback way-back cleanup; do target/release/chameleon-harness sweep --verb $$verb || exit 1; done
	@for name in $(SWEPT); do target/release/chameleon-harness sweep --scenario scenarios/$$name.yaml --pairs 100 || exit 1; done

matrix: tools ## Run all tests on PostgreSQL 16, 17 and 18, and some on 13 (VERSIONS="13 17": on those)
	@$(SETUP)/matrix.sh $(VERSIONS)

fresh: ## Run `make demo` and `make test` in empty systems of Debian 12 and 13, as root and not: takes hours
	@$(SETUP)/fresh.sh

bench: postgres ## Measure plan, order and mappings, whole upgrades and replays (BENCH_LARGE=1: a million tables and events too)
	cargo bench -p chameleon-upgrade --bench pure --bench whole

bench-reference: tools ## Measure against pg_chameleon 2.0.21's own upgrade and hand-written SQL; writes docs/benchmarks.md
	cargo build --release --workspace --bins
	@target/release/chameleon-harness bench-reference $(BENCH_OPTIONS)

tools: rust postgres ## Install what the tests run: PostgreSQL, pgbouncer, MariaDB, MySQL, both versions of pg_chameleon, shells, Chromium, a Docker image
	@$(SETUP)/pgbouncer.sh
	@$(SETUP)/mariadb.sh
	@$(SETUP)/mysql.sh
	@$(SETUP)/chameleon.sh
	@$(SETUP)/shells.sh
	@$(SETUP)/chromium.sh
	@$(SETUP)/docker_image.sh

postgres: rust
	@$(SETUP)/postgres.sh

rust:
	@$(SETUP)/rust.sh

dist: rust ## Make the wheel, the Debian package, the RPM, the tarball and the image in target/dist, and try each
	@$(SETUP)/packaging.sh
	@packaging/dist.sh

advisories: rust ## Ask the RustSec database about the dependencies (needs the network; deny.toml has the exceptions)
	@$(SETUP)/packaging.sh cargo-deny
	@tools=$${CHAMELEON_TOOLS:-target/tools}; PATH="$$PATH:$$tools/cargo/bin" cargo deny check advisories

clean-tools: ## Remove what was installed under target/tools
	rm -rf target/tools
