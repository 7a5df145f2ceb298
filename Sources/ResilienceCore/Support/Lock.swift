public import Synchronization

#if THREAD_SANITIZER
    @_silgen_name("__tsan_acquire") private func tsanAcquire(_ address: UnsafeRawPointer)
    @_silgen_name("__tsan_release") private func tsanRelease(_ address: UnsafeRawPointer)
#endif

/// A mutex whose hand-over the thread sanitizer can see.
///
/// `Synchronization` is not instrumented on Linux, so that the sanitizer reports races on what a `Mutex` protects.
/// Built with `-DTHREAD_SANITIZER`, this type announces each acquisition and release; built without, it is a `Mutex`.
/// `@usableFromInline`, without which `@inlinable` has no effect on a `package` member, so that other modules
/// specialise it: called generically, taking the lock costs three times as much, most of it to look up the metadata of
/// `Mutex`.
@usableFromInline
package struct Lock<State>: ~Copyable {
    @usableFromInline let mutex: Mutex<State>

    @inlinable
    package init(_ state: sending State) {
        mutex = Mutex(state)
    }

    #if THREAD_SANITIZER
        @usableFromInline
        package borrowing func withLock<Result, Failure: Error>(
            _ body: (inout sending State) throws(Failure) -> sending Result
        ) throws(Failure) -> sending Result {
            // The mutex's address: that of the state would be an access to it, seen before the acquisition is
            // announced.
            let address = withUnsafePointer(to: mutex) { UnsafeRawPointer($0) }
            return try mutex.withLock { (state: inout sending State) throws(Failure) -> sending Result in
                tsanAcquire(address)
                defer { tsanRelease(address) }
                return try body(&state)
            }
        }
    #else
        // Never inlined: where it was inlined into an asynchronous function, optimised code of Swift 6.3 trapped under
        // contention, in the unlock. Probably the number by which `Mutex` knows its owner, which it reads from the
        // thread's own storage, was kept across a suspension, after which the thread may be another.
        @inlinable @inline(never)
        package borrowing func withLock<Result, Failure: Error>(
            _ body: (inout sending State) throws(Failure) -> sending Result
        ) throws(Failure) -> sending Result {
            try mutex.withLock(body)
        }
    #endif
}

extension Lock: Sendable {}

extension Lock where State: Sendable {
    /// Puts another value in the place of the present one.
    ///
    /// - Returns: The one before. Drop it outside the lock, because its release may run the user's code.
    @discardableResult
    package borrowing func replace(with state: State) -> State {
        withLock { current in
            let old = current
            current = state
            return old
        }
    }
}
