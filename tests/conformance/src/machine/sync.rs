//! Locks, semaphores and queues.

use deferred::{DeferredLock, DeferredQueue, DeferredSemaphore};
use serde_json::json;

use super::Machine;
use super::registry::Made;
use crate::error::ProgramError;
use crate::ops::Number;
use crate::value::Value;

/// What a program knows by name.
#[derive(Clone)]
pub(super) enum Object {
    Lock(DeferredLock),
    Semaphore(DeferredSemaphore),
    Queue(DeferredQueue<Value>),
}

impl Machine {
    pub(super) fn lock(&self, o: &str) {
        self.insert_object(o, Object::Lock(DeferredLock::new()));
    }

    pub(super) fn semaphore(&self, o: &str, tokens: usize) -> Result<(), ProgramError> {
        let semaphore =
            DeferredSemaphore::new(tokens).map_err(|_| ProgramError::NoTokens(o.to_owned()))?;
        self.insert_object(o, Object::Semaphore(semaphore));
        Ok(())
    }

    pub(super) fn queue(&self, o: &str, size: Option<usize>, backlog: Option<usize>) {
        self.insert_object(o, Object::Queue(DeferredQueue::bounded(size, backlog)));
    }

    pub(super) fn acquire(&self, o: &str, d: Number) -> Result<(), ProgramError> {
        let acquired = match self.object(o)? {
            Object::Lock(lock) => lock.acquire().add_callback(|_| Ok(Value::Object)),
            Object::Semaphore(semaphore) => semaphore.acquire().add_callback(|_| Ok(Value::Object)),
            Object::Queue(_) => return Err(ProgramError::WrongObject(o.to_owned())),
        };
        self.0.registry.insert(d, Made::elsewhere(acquired));
        Ok(())
    }

    pub(super) fn release_object(&self, o: &str) -> Result<(), ProgramError> {
        let released = match self.object(o)? {
            Object::Lock(lock) => lock.release(),
            Object::Semaphore(semaphore) => semaphore.release(),
            Object::Queue(_) => return Err(ProgramError::WrongObject(o.to_owned())),
        };
        let outcome = if released.is_ok() { "ok" } else { "error" };
        self.emit(json!(["release", o, outcome]));
        Ok(())
    }

    pub(super) fn run_with(&self, o: &str, d: Number, with: Number) -> Result<(), ProgramError> {
        let machine = self.clone();
        let work = move || {
            machine.emit(json!(["run", d]));
            machine.returning(with)
        };
        let ran = match self.object(o)? {
            Object::Lock(lock) => lock.run(work),
            Object::Semaphore(semaphore) => semaphore.run(work),
            Object::Queue(_) => return Err(ProgramError::WrongObject(o.to_owned())),
        };
        self.0.registry.insert(d, Made::elsewhere(ran));
        Ok(())
    }

    pub(super) fn put(&self, o: &str, value: &Value) -> Result<(), ProgramError> {
        let put = self.queue_named(o)?.put(value.clone());
        let outcome = if put.is_ok() { "ok" } else { "QueueOverflow" };
        self.emit(json!(["put", o, outcome]));
        Ok(())
    }

    pub(super) fn get(&self, o: &str, d: Number) -> Result<(), ProgramError> {
        let outcome = match self.queue_named(o)?.get() {
            Ok(deferred) => {
                self.0.registry.insert(d, Made::elsewhere(deferred));
                "ok"
            }
            Err(_) => "QueueUnderflow",
        };
        self.emit(json!(["get", o, outcome]));
        Ok(())
    }

    fn insert_object(&self, o: &str, object: Object) {
        let old = self.0.objects.borrow_mut().insert(o.to_owned(), object);
        drop(old);
    }

    fn object(&self, o: &str) -> Result<Object, ProgramError> {
        let object = self.0.objects.borrow().get(o).cloned();
        object.ok_or_else(|| ProgramError::NoObject(o.to_owned()))
    }

    fn queue_named(&self, o: &str) -> Result<DeferredQueue<Value>, ProgramError> {
        match self.object(o)? {
            Object::Queue(queue) => Ok(queue),
            _ => Err(ProgramError::WrongObject(o.to_owned())),
        }
    }
}
