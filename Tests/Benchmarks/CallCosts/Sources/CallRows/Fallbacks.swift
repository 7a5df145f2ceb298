internal import Fallbacks
internal import ResilienceCore

extension Row {
    static let fallbacks = [
        answered("fallback, not needed", Fallback<Int>.Steps.value(0)),
        answered("fallback, not needed, last good kept", .lastGood(maxAge: .seconds(60))),
        failing("fallback, served by a value", .value(0)),
        failing("fallback, served by a step", .step("step") { _ in try await operation(0) }),
        failing("fallback, served by a step with a limit", .step("step", limit: 8) { _ in try await operation(0) }),
        failing("fallback, served by the last good value", .lastGood(maxAge: .seconds(3600)), remembering: 1),
        Row("naive fallback (do and catch), served by a value", .alternative) {
            { count in
                for _ in 0..<count {
                    do { consume(try await failingOperation()) } catch { consume(0) }
                }
            }
        },
        Row("stale while revalidate, fresh", .library) {
            let cache = try StaleWhileRevalidate<Int>(
                "fresh", .init(freshFor: .seconds(3600), staleFor: .seconds(3600)))
            return { count in
                var sum = 0
                for _ in 0..<count { sum &+= try await cache.execute { try await operation(0) } }
                consume(sum)
            }
        },
    ]

    private static func answered(_ name: String, _ steps: Fallback<Int>.Steps) -> Row {
        Row(name, .library) {
            let fallback = try Fallback<Int>("answered") { steps }
            return { try await call(fallback, $0) }
        }
    }

    private static func failing(_ name: String, _ steps: Fallback<Int>.Steps, remembering value: Int? = nil) -> Row {
        Row(name, .library) {
            let fallback = try Fallback<Int>("failing") { steps }
            if let value { fallback.remember(value) }
            return { count in
                for _ in 0..<count { consume(try await fallback.execute { try await failingOperation() }) }
            }
        }
    }
}

@inline(never)
private func call(_ fallback: Fallback<Int>, _ count: Int) async throws {
    var sum = 0
    for _ in 0..<count { sum = try await fallback.execute { try await operation(sum) } }
    consume(sum)
}
