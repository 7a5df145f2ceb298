#if Redis
    import Foundation
    import NIOCore
    import ResilienceCore
    import Retries
    import Testing

    @testable import ResilienceRedis

    @Suite("URLs of Redis")
    struct RedisURLTests {
        @Test("every part is read, and only the host is needed")
        func parts() throws {
            var url = try RedisURL("redis://cache")
            #expect(url.address == RedisAddress(host: "cache", port: 6379))
            #expect((url.usesTLS, url.user == nil, url.password == nil, url.database) == (false, true, true, 0))
            url = try RedisURL("REDISS://us%65r:p%40ss%2Fw%3Ard:more@10.0.0.1:7000/12")
            #expect(url.address == RedisAddress(host: "10.0.0.1", port: 7000))
            #expect((url.user, url.password) == ("user", "p@ss/w:rd:more"))
            #expect((url.usesTLS, url.database) == (true, 12))
            url = try RedisURL("valkey://:secret@[fe80::1]:7000/")
            #expect((url.user, url.password, url.database) == (nil, "secret", 0))
            #expect(url.address == RedisAddress(host: "fe80::1", port: 7000))
            #expect("\(url)" == "redis://[fe80::1]:7000/0")
            #expect(try RedisURL("redis://[::1]").address == RedisAddress(host: "::1", port: 6379))
            url = try RedisURL("redis://a@b:p%C3%A9@h")
            #expect((url.user, url.password, url.address.host) == ("a@b", "pé", "h"))
        }

        @Test(
            "what is wrong is said, without a word of what may be a password",
            arguments: [
                ("", "redis://"), ("localhost:6379", "redis://"), ("http://secret@host", "redis://"),
                ("secret", "redis://"), ("redis:/secret", "redis://"), ("redis://", "no host"),
                ("redis://:secret", "no host"), ("redis://user:secret@", "no host"), ("redis://:6379", "no host"),
                ("redis://host:secret", "port"), ("redis://host:0", "port"), ("redis://host:65536", "port"),
                ("redis://host:-1", "port"), ("redis://host:", "port"), ("redis://host/secret", "database"),
                ("redis://host/-1", "database"), ("redis://host/1/2", "database"),
                ("redis://host/9999999999999999999999", "database"), ("redis://host?db=secret", "parameters"),
                ("redis://host/1?secret", "parameters"), ("redis://host#secret", "parameters"),
                ("redis://:sec/ret@host", "%2F"), ("redis://:secret?x@host", "%2F"), ("redis://:secret#x@host", "%2F"),
                ("redis://:%zzsecret@host", "%25"), ("redis://:secret%@host", "%25"), ("redis://:secret%4@host", "%25"),
                ("redis://:secret%FF@host", "UTF-8"), ("redis://secret@host", "user and no password"),
                ("redis://fe80::1", "brackets"), ("redis://[fe80::1", "]"), ("redis://[secret]", "IPv6"),
                ("redis://[::1]secret", "no port"), ("redis://ho st", "host"), ("redis://host\r\nFLUSHALL", "host"),
            ])
        func faults(_ text: String, _ part: String) throws {
            let error = #expect(throws: ConfigurationError.self) { try RedisURL(text) }
            let shown = "\(try #require(error)) \(String(reflecting: error))"
            #expect(shown.contains(part), "\(shown)")
            #expect(!shown.contains("secret") && !shown.contains("sec/ret"), "\(shown)")
        }

        @Test("a client shows neither user nor password, however it is looked at")
        func description() throws {
            let client = try RedisClient("redis://admin:secret@cache:7000/2")
            var shown = "\(client) \(String(reflecting: client))"
            dump(client, to: &shown)
            dump(try RedisURL("redis://admin:secret@cache:7000/2"), to: &shown)
            dump(Secrets(["secret"]), to: &shown)
            #expect(shown.contains("redis://cache:7000/2"))
            for text in ["secret", "admin"] {
                let place = shown.range(of: text)
                #expect(place == nil, "\(place.map { shown[..<$0.upperBound].suffix(300) } ?? "")")
            }
        }

        @Test("all faults of a configuration are told")
        func configuration() throws {
            var configuration = RedisClient.Configuration()
            configuration.operationLimit = .zero
            configuration.connectTimeout = .seconds(4_000)
            (configuration.maxInFlight, configuration.maxReplyBytes, configuration.maxNodes) = (0, 0, 0)
            (configuration.keepAlive, configuration.maxSilence) = (.seconds(-1), .zero)
            (configuration.maxDelay, configuration.backoff) = (.zero, .exponential(from: .seconds(-1), factor: 0))
            let error = #expect(throws: ConfigurationError.self) { try RedisClient("redis://cache", configuration) }
            #expect(
                Set(try #require(error).faults.map(\.field)) == [
                    "redis.operationLimit", "redis.connectTimeout", "redis.maxInFlight", "redis.maxReplyBytes",
                    "redis.maxNodes", "redis.keepAlive", "redis.maxSilence", "redis.maxDelay", "redis.backoff.from",
                    "redis.backoff.factor",
                ])
        }

        @Test(
            "a secret is hidden wherever it stands",
            arguments: [("a pass b", "a *** b"), ("passpass", "******"), ("pas s", "pas s"), ("", "")])
        func secrets(_ text: String, _ shown: String) {
            #expect(Secrets([nil, "", "pass"]).hidden(in: text) == shown)
        }

        @Test("a key's slot is that of the cluster specification")
        func slots() {
            #expect(ClusterMap.slot(of: "123456789") == 12_739)
            #expect(ClusterMap.slot(of: "foo{bar}zap") == ClusterMap.slot(of: "bar"))
            #expect(ClusterMap.slot(of: "foo{}{bar}") != ClusterMap.slot(of: "bar"))
            #expect(ClusterMap.slot(of: "foo{{bar}}zap") == ClusterMap.slot(of: "{bar"))
            #expect(ClusterMap.slot(of: ["EVALSHA", "x", "1", "123456789"]) == 12_739)
            #expect(ClusterMap.slot(of: ["eval", "x", "0", "a"]) == nil)
            #expect(ClusterMap.slot(of: ["PING"]) == nil)
        }

        @Test("where another server has the key, it is read as it is written")
        func redirections() {
            let asked = RedisAddress(host: "a", port: 1)
            func read(_ text: String) -> RedisAddress? { Redirection(text, asked: asked)?.address }
            #expect(read("MOVED 3999 127.0.0.1:6381") == RedisAddress(host: "127.0.0.1", port: 6381))
            #expect(read("ASK 3999 host:6381") == RedisAddress(host: "host", port: 6381))
            #expect(read("MOVED 3999 :6381") == RedisAddress(host: "a", port: 6381))
            #expect(read("MOVED 3999 ::1:6381") == RedisAddress(host: "::1", port: 6381))
            for text in [
                "MOVED", "MOVED 1", "MOVED 16384 a:1", "MOVED -1 a:1", "MOVED 1 a", "MOVED 1 a:0", "ERR 1 a:1",
            ] {
                #expect(read(text) == nil)
            }
        }

        @Test(
            "a server's error says whether it will pass",
            arguments: [
                ("LOADING Redis is loading", "unavailable"), ("READONLY You can't write", "unavailable"),
                ("OOM command not allowed", "unavailable"), ("MASTERDOWN Link", "unavailable"),
                ("CLUSTERDOWN Hash slot not served", "unavailable"), ("BUSY Redis is busy", "unavailable"),
                ("MISCONF Redis is configured", "unavailable"), ("NOREPLICAS Not enough", "unavailable"),
                ("ERR Error running script: -READONLY You can't write", "unavailable"),
                ("ERR max number of clients reached", "unavailable"),
                ("NOAUTH Authentication required.", "refused"), ("WRONGPASS invalid", "refused"),
                ("NOPERM this user", "refused"), ("ERR unknown command `EVALSHA`, with args: `secret`", "refused"),
                ("ERR Write commands not allowed after non deterministic commands", "refused"),
                ("(Redis) NOPERM this user", "refused"), ("ERR something else", "malformed"), ("", "malformed"),
                ("WRONGTYPE Operation against a key", "malformed"),
            ])
        func errors(_ text: String, _ kind: String) {
            let error = SharedStateError(reply: text)
            let found =
                switch error {
                case .unavailable: "unavailable"
                case .refused: "refused"
                case .malformed: "malformed"
                case .timedOut, .incompatibleVersion: "another"
                }
            #expect(found == kind)
            #expect(!"\(error)".contains("secret"))
        }

        @Test(
            "a server's error is shown without where in the script it was",
            arguments: [
                (
                    "OOM command not allowed when used memory > 'maxmemory'. script: "
                        + "3238c91600112233445566778899aabbccddeeff, on @user_script:261.",
                    "OOM command not allowed when used memory > 'maxmemory'."
                ),
                (
                    "READONLY You can't write against a read only replica. script: "
                        + "3238c91600112233445566778899aabbccddeeff, on @user_script:12.",
                    "READONLY You can't write against a read only replica."
                ),
                (
                    "NOPERM No permissions to access a key script: 3238c91600112233445566778899aabbccddeeff, on "
                        + "@user_script:9.", "NOPERM No permissions to access a key"
                ),
                (
                    "ERR Error running script (call to f_3238c91600112233445566778899aabbccddeeff): "
                        + "@user_script:15: @user_script: 15: -OOM command not allowed when used memory > 'maxmemory'.",
                    "OOM command not allowed when used memory > 'maxmemory'."
                ),
                (
                    "(Redis) ERR Error running script (call to f_3238c91600112233445566778899aabbccddeeff): "
                        + "@user_script:15: -READONLY You can't write against a read only replica.",
                    "READONLY You can't write against a read only replica."
                ),
                ("LOADING Redis is loading the dataset in memory", "LOADING Redis is loading the dataset in memory"),
                // Where a script itself is at fault, the place is what helps.
                ("ERR user_script:1: no 'x' script: nobody's", "ERR user_script:1: no 'x' script: nobody's"),
            ])
        func withoutPlace(_ text: String, _ shown: String) {
            let description = SharedStateError(reply: text).description
            #expect(description.hasSuffix(": \(shown)"), "\(description)")
        }
    }
#endif
