//! Window over keyed events.
