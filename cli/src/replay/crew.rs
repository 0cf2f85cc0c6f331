//! The replay threads: one for each thread of the plan, kept for all runs, like a program's threads.

use std::io;
use std::sync::mpsc::{self, Sender};
use std::thread::{Builder, JoinHandle};

type Job = Box<dyn FnOnce() + Send>;

/// A replay needs little stack, and a recording may have many threads.
const STACK_BYTES: usize = 256 * 1024;

/// Threads that wait for jobs. Dropping the crew ends them.
#[derive(Debug)]
pub(crate) struct Crew {
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Crew {
    /// Starts one thread for each name.
    pub(crate) fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> io::Result<Self> {
        let mut crew = Self {
            members: Vec::new(),
        };
        for name in names {
            let (jobs, inbox) = mpsc::channel::<Job>();
            let thread = Builder::new()
                .name(name.to_owned())
                .stack_size(STACK_BYTES)
                .spawn(move || inbox.into_iter().for_each(|job| job()))?;
            crew.members.push(Member {
                jobs: Some(jobs),
                thread: Some(thread),
            });
        }
        Ok(crew)
    }

    /// Gives a job to thread number `worker`.
    pub(crate) fn assign(&self, worker: usize, job: impl FnOnce() + Send + 'static) {
        if let Some(jobs) = &self.members[worker].jobs {
            // The thread ends only after its sender is dropped, so this cannot fail.
            let _ = jobs.send(Box::new(job));
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for member in &mut self.members {
            member.jobs = None;
        }
        for member in &mut self.members {
            if let Some(thread) = member.thread.take() {
                // A panic of a job is caught where it runs; there is nothing left to do here.
                let _ = thread.join();
            }
        }
    }
}
