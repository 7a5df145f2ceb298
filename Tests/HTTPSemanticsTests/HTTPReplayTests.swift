import Testing

@testable import HTTPSemantics

@Suite("Replay")
struct HTTPReplayTests {
    @Test(
        "Methods that do no harm twice are known by their exact names",
        arguments: [
            ("GET", true, true), ("HEAD", true, true), ("OPTIONS", true, true), ("TRACE", true, true),
            ("QUERY", true, true), ("PUT", false, true), ("DELETE", false, true), ("POST", false, false),
            ("PATCH", false, false), ("CONNECT", false, false), ("get", false, false), ("", false, false),
            ("PURGE", false, false),
        ])
    func methods(_ row: (method: String, isSafe: Bool, isIdempotent: Bool)) {
        #expect(HTTPMethodSemantics.isSafe(row.method) == row.isSafe)
        #expect(HTTPMethodSemantics.isIdempotent(row.method) == row.isIdempotent)
    }

    @Test("A request that may have run is repeated only if it is idempotent, marked so, or has a key")
    func idempotent() {
        #expect(HTTPReplay(method: "PUT", body: .bytes).mayRepeat(after: .perhapsRan))
        #expect(!HTTPReplay(method: "POST", body: .bytes).mayRepeat(after: .perhapsRan))
        #expect(HTTPReplay(method: "POST", body: .bytes, idempotent: true).mayRepeat(after: .perhapsRan))
        #expect(!HTTPReplay(method: "GET", idempotent: false).mayRepeat(after: .perhapsRan))
        let keyed = HTTPReplay(method: "POST", body: .bytes, headers: headers(("Idempotency-Key", "\"8e03978e\"")))
        #expect(keyed.mayRepeat(after: .perhapsRan))
        let empty = HTTPReplay(method: "POST", headers: headers(("Idempotency-Key", "")))
        #expect(!empty.mayRepeat(after: .perhapsRan))
    }

    @Test("A request that was never sent is repeated whatever its method, and one that cannot succeed never")
    func outcomes() {
        let post = HTTPReplay(method: "POST", body: .restartable)
        #expect(post.mayRepeat(after: .neverSent))
        #expect(!HTTPReplay(method: "GET").mayRepeat(after: .permanent))
    }

    @Test("A body that was used and can be read once is never sent again", arguments: HTTPSendOutcome.allCases)
    func oneShot(_ outcome: HTTPSendOutcome) {
        let put = HTTPReplay(method: "PUT", body: .oneShot)
        #expect(!put.mayRepeat(after: outcome, isBodyUsed: true))
        #expect(put.mayRepeat(after: .neverSent, isBodyUsed: false))
        for body in [HTTPBodyReplay.none, .bytes, .restartable] {
            #expect(HTTPReplay(method: "PUT", body: body).mayRepeat(after: .perhapsRan, isBodyUsed: true))
        }
    }

    @Test("Only safe requests are made twice at the same time, unless that is asked for")
    func hedges() {
        #expect(HTTPReplay(method: "GET").mayHedge())
        #expect(!HTTPReplay(method: "GET", body: .oneShot).mayHedge(unsafe: true))
        #expect(!HTTPReplay(method: "PUT", body: .bytes).mayHedge())
        #expect(HTTPReplay(method: "PUT", body: .bytes).mayHedge(unsafe: true))
        #expect(!HTTPReplay(method: "POST", body: .bytes).mayHedge(unsafe: true))
        #expect(HTTPReplay(method: "POST", body: .bytes, idempotent: true).mayHedge())
    }
}
