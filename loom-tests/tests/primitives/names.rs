//! The list of thread names.

use loom::sync::Arc;
use loom::thread;

use super::explore;
use crate::cache::names::Names;

#[test]
fn two_threads_of_one_name_that_enter_it_at_once_get_one_number() {
    explore(None, || {
        let names = Arc::new(Names::new());
        let other = {
            let names = Arc::clone(&names);
            thread::spawn(move || names.id_of("worker"))
        };
        let mine = names.id_of("worker");
        assert_eq!(names.name(mine), "worker");
        assert_eq!(mine, other.join().unwrap());
    });
}

#[test]
fn a_name_is_found_while_another_is_entered() {
    explore(None, || {
        let names = Arc::new(Names::new());
        let mine = names.id_of("worker");
        let other = {
            let names = Arc::clone(&names);
            thread::spawn(move || names.id_of("loader"))
        };
        assert_eq!(names.name(mine), "worker");
        assert_eq!(names.name(other.join().unwrap()), "loader");
    });
}
