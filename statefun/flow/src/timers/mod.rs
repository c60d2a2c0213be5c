//! Timers over keyed events.
