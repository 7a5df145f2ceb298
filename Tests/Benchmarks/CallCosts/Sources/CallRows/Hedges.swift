internal import Hedges

extension Row {
    static let hedges = [
        Row("hedge, not needed", .concurrent) {
            let hedge = try Hedge("search", .init(delay: .fixed(.seconds(3600))))
            return { count in
                var sum = 0
                for _ in 0..<count {
                    let current = sum
                    sum = try await hedge.execute { try await operation(current) }
                }
                consume(sum)
            }
        }
    ]
}
