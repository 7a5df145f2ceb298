/// Listens to a store until the task is cancelled: whenever that ends, again after a delay that grows. Listening that
/// held for longer than the longest delay was good, and the delays begin again.
///
/// - Parameters:
///   - longest: The longest delay. Asked each time.
///   - listen: Listens, until it cannot any longer.
///   - ended: Called each time with what `listen` threw, before the delay; what this throws ends it all.
/// - Throws: `CancellationError` once cancelled; what `ended` throws.
package nonisolated(nonsending) func keepListening(
    on time: TimeSource, _ random: RandomSource, upTo longest: @autoclosure () -> Duration = StoreRetryDelay.longest,
    _ listen: nonisolated(nonsending) () async throws -> Void, ended: ((any Error)?) throws -> Void = { _ in }
) async throws {
    var delay = StoreRetryDelay()
    while true {
        try Task.checkCancellation()
        let began = time.now
        var failure: (any Error)?
        do { try await listen() } catch { failure = error }
        try Task.checkCancellation()
        try ended(failure)
        let longest = longest()
        if began.duration(to: time.now) > longest { delay.reset() }
        try await time.sleep(until: time.now.advanced(by: delay.next(upTo: longest, random: random.next())))
    }
}
