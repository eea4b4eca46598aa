// Pawl's bearer protocol, by the state machine of docs/guides/native.md: for iOS 16, macOS 13 and later.
// NOT COMPILED by this project, which has no Swift compiler. Written for Swift 5.9 (Xcode 15).
// An error says nothing about the session: the user stays signed in, and the app tries again later.
import Foundation

struct Tokens: Codable, Sendable {
    let accessToken: String
    let refreshToken: String
}

/// Keeps the tokens of one session, also for the extensions of the app.
protocol TokenStore: Sendable {
    /// The tokens saved last; nil if there are none. If the store cannot be read now, it throws: that is not "none".
    func load() throws -> Tokens?
    /// Returns once the tokens survive a crash. If it throws, the previous ones are still there.
    func save(_ tokens: Tokens) throws
    func clear() throws
}

/// The server gave no answer that can be used.
struct SessionUnavailable: Error {
    let status: Int
    /// Seconds to wait, if the server said so.
    let retryAfter: Int?
}

/// The session of one user at one API.
actor SessionClient {
    private let baseURL: String
    private let store: any TokenStore
    private let patience: Duration
    private let session: URLSession

    // What this process knows, once it has read the store.
    private var isRead = false
    private var tokens: Tokens?
    private var expiresAt: ContinuousClock.Instant?

    /// How often somebody has signed in: a request of one user is never repeated as another.
    private var signIns = 0
    /// Before this time no refresh is sent, because the server asked for a pause.
    private var resumesAt: ContinuousClock.Instant?
    private var refreshing: Task<Tokens?, any Error>?
    private var queue: Task<Void, Never>?

    /// - Parameters:
    ///   - baseURL: where the API is, without a slash at the end: `https://api.example.com`
    ///   - patience: half of the server's `rotation.overlap`. A refresh without an answer in this time is lost
    init(baseURL: String, store: any TokenStore, patience: Duration = .seconds(15)) {
        self.baseURL = baseURL
        self.store = store
        self.patience = patience
        // Keeps no cookies and no cache on the disk.
        let configuration = URLSessionConfiguration.ephemeral
        // The timeout of a request counts anew with each byte that arrives. This one does not.
        configuration.timeoutIntervalForResource = 60
        session = URLSession(configuration: configuration, delegate: NoRedirects(), delegateQueue: nil)
    }

    var isSignedIn: Bool {
        get throws { try read() != nil }
    }

    /// Sends a request of the app. If the server asks for a refresh, refreshes and repeats the request, once.
    func request(
        _ method: String, _ path: String, body: Data? = nil, headers: [String: String] = [:]
    ) async throws -> Answer {
        let signInsBefore = signIns
        var current = try read()
        if let known = current, let deadline = expiresAt, ContinuousClock.now >= deadline {
            let newer = try await refresh(known)
            if signIns == signInsBefore { current = newer }
        }
        let answer = try await exchange(method, path, body, headers, current)
        guard let used = current, let problem = answer.problem else { return answer }
        if problem.refresh != .no {
            guard let newer = try await refresh(used), signIns == signInsBefore else { return answer }
            return try await exchange(method, path, body, headers, newer)
        }
        // Any other code says nothing about the session.
        if problem.isFinal { try await alone { try await self.end(used) } }
        return answer
    }

    /// Sends a login of the app, and keeps the tokens of its answer. A refresh waits until that is done.
    func signIn(
        _ path: String, body: Data, headers: [String: String] = ["content-type": "application/json"]
    ) async throws -> Answer {
        try await alone { try await self.signInNow(path, body, headers) }
    }

    /// Ends the session at the server, then here. If the server does not confirm it, it throws, and nothing changes.
    func signOut() async throws {
        try await alone { try await self.signOutNow() }
    }

    private func signInNow(_ path: String, _ body: Data, _ headers: [String: String]) async throws -> Answer {
        // Tells the server which session the login replaces. A store that cannot be read is overwritten.
        let present = try? store.load()
        let sentAt = ContinuousClock.now
        let answer = try await exchange("POST", path, body, headers, present)
        if 200..<300 ~= answer.status {
            _ = try keep(answer, present?.refreshToken, sentAt)
            signIns += 1
        }
        return answer
    }

    private func signOutNow() async throws {
        if let current = try store.load() {
            let answer = try await exchange("POST", "/session/logout", inBody(current), json, current, patience)
            if answer.status != 204 { throw answer.unavailable }
        }
        hold(nil)
        try store.clear()
    }

    /// Returns tokens that replace `used`; nil if nobody is signed in any more. Callers share a refresh and its failure.
    private func refresh(_ used: Tokens) async throws -> Tokens? {
        if let refreshing { return try await refreshing.value }
        // A task of its own: a caller that is cancelled does not cancel the refresh of the others.
        let task = Task<Tokens?, any Error> {
            defer { refreshing = nil }
            return try await alone { try await self.refreshNow(used, repeats: 0) }
        }
        refreshing = task
        return try await task.value
    }

    private func refreshNow(_ used: Tokens, repeats: Int) async throws -> Tokens? {
        let stored = try store.load()
        // During the wait somebody signed in or out, or an extension refreshed.
        if stored?.accessToken != used.accessToken { return hold(stored) }
        let sentAt = ContinuousClock.now
        if let resumesAt, sentAt < resumesAt { throw SessionUnavailable(status: 503, retryAfter: 1) }
        let answer = try await exchange("POST", "/session/refresh", inBody(used), json, nil, patience)
        // A proxy may ask for a whole day.
        resumesAt = answer.pause.map { ContinuousClock.now.advanced(by: .seconds(min($0, 60))) }
        // An app that was suspended may find an answer of yesterday.
        if ContinuousClock.now - sentAt > patience { throw answer.unavailable }
        let latest = try store.load()
        // An extension has saved other tokens meanwhile. Newer ones are never overwritten.
        if latest?.accessToken != used.accessToken { return hold(latest) }
        guard let problem = answer.problem else { return try keep(answer, used.refreshToken, sentAt) }
        if problem.refresh == .once, repeats == 0 { return try await refreshNow(used, repeats: 1) }
        // Otherwise the tokens may be good again later: session_outdated, device_proof_required.
        hold(nil)
        if problem.isFinal { try store.clear() }
        return nil
    }

    /// Storage first, then use: once a new access token is used, the old refresh token is worthless.
    private func keep(_ answer: Answer, _ present: String?, _ sentAt: ContinuousClock.Instant) throws -> Tokens {
        guard 200..<300 ~= answer.status,
            let body = try? JSONDecoder().decode(SignInAnswer.self, from: answer.body),
            let refreshToken = body.refreshToken ?? present,
            isToken(body.accessToken), isToken(refreshToken), 0...Int(Int32.max) ~= body.expiresIn
        else { throw answer.unavailable }
        let newer = Tokens(accessToken: body.accessToken, refreshToken: refreshToken)
        try store.save(newer)
        hold(newer)
        expiresAt = sentAt.advanced(by: .seconds(body.expiresIn))
        return newer
    }

    /// The server has said that the session of these tokens is over. Tokens that have replaced them stay.
    private func end(_ used: Tokens) throws {
        let stored = try store.load()
        let isOver = stored?.accessToken == used.accessToken
        hold(isOver ? nil : stored)
        if isOver { try store.clear() }
    }

    @discardableResult
    private func hold(_ newer: Tokens?) -> Tokens? {
        isRead = true
        tokens = newer
        expiresAt = nil
        return newer
    }

    private func read() throws -> Tokens? {
        if isRead { return tokens }
        return hold(try store.load())
    }

    /// Runs one after the other: refreshes, sign-ins and sign-outs.
    private func alone<T: Sendable>(_ work: @escaping @Sendable () async throws -> T) async throws -> T {
        let previous = queue
        let task = Task<T, any Error> {
            _ = await previous?.value
            return try await work()
        }
        queue = Task { _ = await task.result }
        return try await task.value
    }

    private func exchange(
        _ method: String, _ path: String, _ body: Data?, _ headers: [String: String], _ tokens: Tokens?,
        _ timeout: Duration = .seconds(60)
    ) async throws -> Answer {
        // Without the slash the path could name another host, and that would get the token.
        guard path.hasPrefix("/"), let url = URL(string: baseURL + path) else { throw URLError(.badURL) }
        var request = URLRequest(url: url, timeoutInterval: TimeInterval(timeout.components.seconds))
        request.httpMethod = method
        request.httpBody = body
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        if let tokens { request.setValue("Bearer \(tokens.accessToken)", forHTTPHeaderField: "authorization") }
        request.setValue("bearer", forHTTPHeaderField: "pawl-transport")
        let (data, response) = try await session.data(for: request)
        guard let http = response as? HTTPURLResponse else { throw URLError(.badServerResponse) }
        return Answer(status: http.statusCode, retryAfter: http.value(forHTTPHeaderField: "retry-after"), body: data)
    }
}

struct Answer: Sendable {
    let status: Int
    let retryAfter: String?
    let body: Data

    /// A 401 that Pawl wrote. One of the application or of a proxy says nothing about the session.
    fileprivate var problem: Problem? {
        guard status == 401 else { return nil }
        return try? JSONDecoder().decode(Problem.self, from: body)
    }

    fileprivate var unavailable: SessionUnavailable {
        SessionUnavailable(status: status, retryAfter: pause)
    }

    fileprivate var pause: Int? {
        retryAfter.flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
    }
}

private struct Problem: Decodable {
    enum Refresh: Decodable {
        case no, yes, once

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if let flag = try? value.decode(Bool.self) {
                self = flag ? .yes : .no
            } else if try value.decode(String.self) == "once" {
                self = .once
            } else {
                throw DecodingError.dataCorruptedError(in: value, debugDescription: "unknown")
            }
        }
    }

    let code: String
    let refresh: Refresh

    /// Only these clear the store.
    var isFinal: Bool {
        ["session_ended", "session_replaced", "refresh_token_invalid", "refresh_token_reused"].contains(code)
    }
}

private struct SignInAnswer: Decodable {
    let accessToken: String
    /// Nil: the present refresh token stays.
    let refreshToken: String?
    let expiresIn: Int
}

/// A redirect to another host must not take the token along.
private final class NoRedirects: NSObject, URLSessionTaskDelegate {
    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest
    ) async -> URLRequest? { nil }
}

private let json = ["content-type": "application/json"]

private func inBody(_ tokens: Tokens) throws -> Data {
    try JSONEncoder().encode(["refreshToken": tokens.refreshToken])
}

private func isToken(_ value: String) -> Bool {
    1...8192 ~= value.utf8.count && value.utf8.allSatisfy { 0x21...0x7E ~= $0 }
}
