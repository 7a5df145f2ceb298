internal import ResilienceCore

extension Kind {
    static let sharedRateLimiter = Kind(UInt.max - 2, "shared rate limiter", nil)
    static let sharedKeyedRateLimiter = Kind(UInt.max - 3, "shared keyed rate limiter", nil)
}

/// Only code can make one, for it alone knows the store. Runs with the module, also as a layer of one of its policies.
extension SharedRateLimiter: RunningComponent {
    static var kind: Kind { .sharedRateLimiter }

    func runInModule() async throws { try await run() }

    var complaint: Complaint? {
        isDegraded ? Complaint(text: "cannot reach its store", isOutage: false) : nil
    }
}

extension SharedKeyedRateLimiter: RunningComponent {
    static var kind: Kind { .sharedKeyedRateLimiter }

    func runInModule() async throws { try await run() }

    var complaint: Complaint? {
        isDegraded ? Complaint(text: "cannot reach its store", isOutage: false) : nil
    }
}

extension ResilienceModule {
    /// The limiter of a name that a fleet shares. Has to be registered for itself: only code knows its store.
    ///
    /// - Throws: ``UnknownNameError`` if it is not registered.
    public func sharedRateLimiter(_ name: String) throws(UnknownNameError) -> SharedRateLimiter {
        try existing(.sharedRateLimiter, name)
    }

    /// The limiter by key of a name that a fleet shares. Has to be registered: only code knows its keys and its store.
    ///
    /// - Throws: ``UnknownNameError`` if it is not registered, or for other keys.
    public func sharedRateLimiter<Key>(
        _ name: String, by key: Key.Type
    ) throws(UnknownNameError) -> SharedKeyedRateLimiter<Key> {
        try existing(.sharedKeyedRateLimiter, name)
    }
}
