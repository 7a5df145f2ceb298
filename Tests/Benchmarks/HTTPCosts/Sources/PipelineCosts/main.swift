// What the standard pipeline costs by itself, around a sender that answers at once. `count-instructions --http`
// compares its rows with their baselines; nanoseconds are printed with a third argument:
//
//     PipelineCosts "standard pipeline" 10000
//     PipelineCosts "standard pipeline" 200000 9      the median of nine runs, the fastest and the slowest
//     PipelineCosts --list

import Dispatch
import Foundation
import HTTPTypes
import Resilience
import ResilienceHTTP

let request = HTTPRequest(method: .get, scheme: "https", authority: "api.example.com", path: "/quote")
let post = HTTPRequest(method: .post, scheme: "https", authority: "api.example.com", path: "/orders")

@inline(never)
func send(_ request: HTTPRequest) async throws -> (HTTPResponse, Int) { (HTTPResponse(status: .ok), 1) }

let rows: [(name: String, make: () throws -> @Sendable (Int) async throws -> Void)] = [
    ("the sender alone", { { count in for _ in 0..<count { _ = try await send(request) } } }),
    (
        "standard pipeline",
        {
            let api = try HTTPPipeline("api")
            return { count in
                for _ in 0..<count { _ = try await api.execute(request) { request, _ in try await send(request) } }
            }
        }
    ),
    (
        "standard pipeline, POST",
        {
            let api = try HTTPPipeline("api")
            return { count in
                for _ in 0..<count {
                    _ = try await api.execute(post, body: .bytes) { request, _ in try await send(request) }
                }
            }
        }
    ),
    (
        "standard pipeline, in a module",
        {
            let api = try HTTPPipeline("api")
            let module = try ResilienceModule("shop") { Registration("api", api.policies) }
            return { count in
                for _ in 0..<count { _ = try await api.execute(request) { request, _ in try await send(request) } }
                withExtendedLifetime(module) {}
            }
        }
    ),
    (
        "its policy alone",
        {
            let policy = try HTTPPipeline("api").policy(for: "api.example.com")
            return { count in
                for _ in 0..<count { _ = try await policy.execute { try await send(request) } }
            }
        }
    ),
]

let arguments = CommandLine.arguments.dropFirst().map { $0 }
if arguments == ["--list"] {
    for (index, row) in rows.enumerated() { print("\(index == 0 ? "baseline" : "library")\t\(row.name)") }
    exit(0)
}
guard arguments.count >= 2, let count = Int(arguments[1]), let row = rows.first(where: { $0.name == arguments[0] })
else {
    print("usage: PipelineCosts --list | <row> <number of calls> [<runs>]")
    exit(2)
}
let isDone = DispatchSemaphore(value: 0)
Task.detached {
    do {
        let loop = try row.make()
        try await loop(1000)
        guard arguments.count == 3, let runs = Int(arguments[2]) else {
            try await loop(count)
            isDone.signal()
            return
        }
        var times: [Double] = []
        for _ in 0..<runs {
            let start = ContinuousClock.now
            try await loop(count)
            times.append(start.duration(to: .now) / .nanoseconds(1) / Double(count))
        }
        times.sort()
        print("\(row.name): \(Int(times[runs / 2])) ns (\(Int(times[0]))–\(Int(times[runs - 1])))")
    } catch {
        print("\(error)")
        exit(1)
    }
    isDone.signal()
}
isDone.wait()
