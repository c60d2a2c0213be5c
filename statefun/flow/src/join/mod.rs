//! Join over keyed events.
