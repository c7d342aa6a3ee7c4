# Every target installs what it needs first, and is quiet about what is there already.
SETUP := harness/setup

.PHONY: help tools postgres rust lint test matrix clean-tools

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

lint: rust ## Check formatting and warnings
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

test: tools ## Run all tests; those whose programs can't be had are skipped by name
	cargo test --workspace

matrix: tools ## Run the tests on PostgreSQL 16, 17 and 18
	@$(SETUP)/matrix.sh

tools: rust postgres ## Install what the tests run: PostgreSQL, MariaDB, both versions of pg_chameleon
	@$(SETUP)/mariadb.sh
	@$(SETUP)/chameleon.sh

postgres: rust
	@$(SETUP)/postgres.sh

rust:
	@$(SETUP)/rust.sh

clean-tools: ## Remove what was installed under target/tools
	rm -rf target/tools
