internal import ResilienceTesting

extension Row {
    /// What a simulation pays, which is nothing but sleeping and waking.
    static let clocks = [
        Row("manual clock, sleep and wake among 100 000", .library) {
            let clock = ManualClock()
            let timers = (1...100_000).map { number in
                // Far off, and in no order.
                clock.schedule(at: .init(offset: .seconds(1_000_000 + number * 7_919 % 100_003))) {}
            }
            return { count in
                // Of its own, so that a second caller does not run this one's jobs.
                let executor = SteppingExecutor()
                let sleeper = Task(executorPreference: executor) {
                    for _ in 0..<count { try await clock.sleep(for: .nanoseconds(1)) }
                }
                executor.drain()
                for _ in 0..<count {
                    clock.advance(by: .nanoseconds(1))
                    executor.drain()
                }
                // Another caller may have moved the clock when this one had nothing asleep.
                sleeper.cancel()
                executor.drain()
                _ = try? await sleeper.value
                consume(timers.count)
            }
        }
    ]
}
