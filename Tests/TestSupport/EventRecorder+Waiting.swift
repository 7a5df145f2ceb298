package import ResilienceCore
package import ResilienceTesting

extension EventRecorder {
    /// Suspends until there is an event for which `isAwaited` holds, also one that came before.
    ///
    /// - Throws: `CancellationError` if the task is cancelled first.
    package func waitForEvent(where isAwaited: (any PolicyEvent) -> Bool) async throws {
        while true {
            let seen = events
            guard !seen.contains(where: isAwaited) else { return }
            try await waitForEvents(seen.count + 1)
        }
    }
}
