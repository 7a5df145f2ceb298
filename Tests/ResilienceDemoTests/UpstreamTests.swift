import Foundation
import Testing

@testable import ResilienceDemo

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Real requests over the loopback interface; every wait is for an event.
@Suite("Upstream")
struct UpstreamTests {
    private func withUpstream(_ body: (Upstream, UpstreamClient) async throws -> Void) async throws {
        let upstream = try Upstream(seed: 1)
        let client = UpstreamClient(port: upstream.port)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(upstream, client))
        } catch {
            result = .failure(error)
        }
        client.close()
        await upstream.stop()
        try result.get()
    }

    private func failure(_ client: UpstreamClient, order number: Int) async -> URLError.Code? {
        do {
            _ = try await client.state(ofOrder: number, call: number)
            return nil
        } catch {
            return (error as? URLError)?.code
        }
    }

    @Test("The port is refused while closed and the same when open again")
    func portClosed() async throws {
        try await withUpstream { upstream, client in
            #expect(await failure(client, order: 1) == .cannotConnectToHost)
            try await upstream.enter(.healthy)
            #expect(try await client.state(ofOrder: 2, call: 2).status == 200)
            try await upstream.enter(.down)
            #expect(await failure(client, order: 3) == .cannotConnectToHost)
            #expect(await failure(client, order: 4) == .cannotConnectToHost)
            try await upstream.enter(.recovered)
            #expect(try await client.state(ofOrder: 5, call: 5).status == 200)
            #expect(try await client.state(ofOrder: 6, call: 6).status == 200)
        }
    }

    @Test("Many requests at once are all answered")
    func manyRequests() async throws {
        try await withUpstream { upstream, client in
            try await upstream.behave(UpstreamBehaviour(work: .zero))
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<100 { group.addTask { try await client.state(ofOrder: number, call: number).status } }
                for try await status in group { #expect(status == 200) }
            }
        }
    }

    @Test("Refusals are answered and resets are not")
    func refusalsAndResets() async throws {
        try await withUpstream { upstream, client in
            try await upstream.behave(UpstreamBehaviour(work: .zero, shareUnavailable: 1))
            #expect(try await client.state(ofOrder: 1, call: 1).status == 503)
            try await upstream.behave(UpstreamBehaviour(work: .zero, shareReset: 1))
            #expect(await failure(client, order: 2) != nil)
            try await upstream.behave(UpstreamBehaviour(work: .zero))
            #expect(try await client.state(ofOrder: 3, call: 3).status == 200)
        }
    }

    @Test("A request under way when the port closes is reset")
    func resetUnderWay() async throws {
        try await withUpstream { upstream, _ in
            // Longer than any test runs: only the reset ends the request.
            try await upstream.behave(UpstreamBehaviour(work: .seconds(3600)))
            let raw = try RawClient(port: upstream.port)
            defer { raw.close() }
            // The second request is being worked on when the answer to the first has arrived.
            raw.send("GET /nothing HTTP/1.1\r\n\r\nGET /orders/1 HTTP/1.1\r\n\r\n")
            #expect(raw.receive(until: "not found\n")?.hasPrefix("HTTP/1.1 404 Not Found\r\n") == true)
            try await upstream.enter(.down)
            #expect(raw.receive() == .failed(ECONNRESET))
        }
    }

    @Test("Requests on one connection are answered in turn")
    func inTurn() async throws {
        try await withUpstream { upstream, _ in
            try await upstream.behave(UpstreamBehaviour(work: .zero))
            let raw = try RawClient(port: upstream.port)
            defer { raw.close() }
            let requests = [
                "GET /orders/1 HTTP/1.1", "DELETE /orders/2 HTTP/1.1", "HEAD /orders/3?a=b HTTP/1.0",
            ]
            raw.send(requests.map { $0 + "\r\n\r\n" }.joined())
            let text = raw.receiveAll()
            let statuses = text.split(separator: "\r\n").filter { $0.hasPrefix("HTTP/") || $0.contains("HTTP/1.1 ") }
            #expect(statuses == ["HTTP/1.1 200 OK", "order 1\nHTTP/1.1 405 Method Not Allowed", "HTTP/1.1 200 OK"])
            #expect(text.hasSuffix("Content-Length: 8\r\nConnection: close\r\n\r\n"))
        }
    }

    @Test("After a request that cannot be read the connection ends")
    func unreadableRequest() async throws {
        try await withUpstream { upstream, _ in
            try await upstream.enter(.healthy)
            let raw = try RawClient(port: upstream.port)
            defer { raw.close() }
            raw.send("nonsense\r\n\r\n")
            let text = raw.receiveAll()
            #expect(text.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
            #expect(text.contains("Connection: close\r\n"))
        }
    }

    @Test("An upstream that was stopped refuses everything and may be stopped again")
    func stopped() async throws {
        let upstream = try Upstream(seed: 1)
        try await upstream.enter(.healthy)
        await upstream.stop()
        await upstream.stop()
        await #expect(throws: SocketError.self) { try await upstream.enter(.healthy) }
    }

    @Test("A request's number decides what becomes of it, whatever order it is about")
    func fateByNumber() async throws {
        try await withUpstream { upstream, client in
            let behaviour = UpstreamBehaviour(work: .zero, shareUnavailable: 0.5)
            try await upstream.behave(behaviour)
            for call in 1...8 {
                let expected = behaviour.fate(ofRequest: UInt64(call), seed: 1).answer
                let response = try await client.state(ofOrder: 3, call: call)
                #expect(response.status == (expected == .ok ? 200 : 503))
                if expected == .ok { #expect(response.body == "order 3\n") }
            }
        }
    }

    @Test("Requests that are cancelled just as their answers come end, one way or the other", .timeLimit(.minutes(30)))
    func cancelledAtTheEnd() async throws {
        try await withUpstream { upstream, client in
            try await upstream.behave(UpstreamBehaviour(work: .zero))
            for round in 0..<20 {
                let ends = await withTaskGroup(of: Bool.self) { group in
                    for number in 0..<50 {
                        group.addTask {
                            let request = Task { try await client.state(ofOrder: number, call: number).status }
                            for _ in 0..<(number * (round + 1)) { await Task.yield() }
                            request.cancel()
                            return switch await request.result {
                            case .success(let status): status == 200
                            case .failure(let error): error is CancellationError
                            }
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                #expect(ends.count == 50)
                #expect(!ends.contains(false))
            }
        }
    }

    @Test("A request of a task that is cancelled already is cancelled")
    func cancelledBefore() async throws {
        try await withUpstream { upstream, client in
            // Longer than any test runs.
            try await upstream.behave(UpstreamBehaviour(work: .seconds(3600)))
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await client.state(ofOrder: 1, call: 1)
            }
            await #expect(throws: CancellationError.self) { _ = try await task.value }
        }
    }
}
