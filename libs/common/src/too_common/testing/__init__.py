"""What tests of every package share; `too_common.testing.plugin` holds the fixtures."""
