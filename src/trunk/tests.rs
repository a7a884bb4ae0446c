//! The machines of a trunk through their front doors.
