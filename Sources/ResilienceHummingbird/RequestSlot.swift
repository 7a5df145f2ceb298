#if Hummingbird
    internal import Resilience
    internal import Synchronization

    /// The slot of a request: given back when its response is written, or when the response is dropped.
    final class RequestSlot: @unchecked Sendable {  // The caller that sets the flag first owns the permit.
        private let isReleased = Atomic(false)
        private var permit: Bulkhead.Permit?

        init(_ permit: consuming Bulkhead.Permit) {
            self.permit = consume permit
        }

        /// Gives the slot back, once; `nil` for a request that was answered.
        func release(after error: (any Error)?, in context: CallContext) {
            guard !isReleased.exchange(true, ordering: .acquiringAndReleasing), let permit = permit.take() else {
                return
            }
            if let error {
                permit.release(after: error, in: context)
            } else {
                permit.release()
            }
        }
    }
#endif
