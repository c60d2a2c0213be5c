//! Windows, joins and patterns over keyed events, as functions
