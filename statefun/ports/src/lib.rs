//! Traits to the outside, with fakes and conformance suites
