// What the conformance kit cannot play: a failing store, answers that come too late, another process, another user.
package session

import org.json.JSONObject
import java.io.File
import java.io.IOException
import java.util.ArrayDeque
import java.util.concurrent.atomic.AtomicInteger
import kotlin.system.exitProcess

private class Memory(var tokens: Tokens?) : TokenStore {
    var isBroken = false

    override fun load(): Tokens? = if (isBroken) throw IOException("broken") else tokens

    override fun save(tokens: Tokens) {
        if (isBroken) throw IOException("broken")
        this.tokens = tokens
    }

    override fun clear() {
        tokens = null
    }
}

/** A client with scripted answers. [sent] lists the requests, with the access or refresh token of each. */
private class World(val store: Memory = Memory(Tokens("a0", "r0"))) {
    var time = 0L
    val sent = mutableListOf<String>()
    private val script = ArrayDeque<() -> Answer>()
    val client = SessionClient("https://api.test", store, { time }, 15_000, { method, url, headers, body, _ ->
        val refreshToken = body?.let { JSONObject(String(it)).opt("refreshToken") }
        sent += "$method ${url.removePrefix("https://api.test")} ${refreshToken ?: headers["authorization"]?.removePrefix("Bearer ")}"
        script.remove()()
    })

    fun next(status: Int, body: String = "{}", headers: Map<String, String> = emptyMap(), meanwhile: () -> Unit = {}) = script.add {
        meanwhile()
        Answer(status, headers, body.toByteArray())
    }

    fun expired() = next(401, """{"code":"access_token_expired","refresh":true}""")

    fun issued(number: Int, meanwhile: () -> Unit = {}) =
        next(200, """{"accessToken":"a$number","refreshToken":"r$number","expiresIn":900}""", meanwhile = meanwhile)

    fun get() = client.request("GET", "/me").status

    fun fails() = check(try { get(); false } catch (e: IOException) { true }) { "the request did not fail" }

    fun holds(refreshToken: String?) = expect(refreshToken, store.tokens?.refreshToken)

    fun saw(vararg requests: String) = expect(requests.toList(), sent.toList())
}

private fun expect(expected: Any?, actual: Any?) = check(expected == actual) { "expected $expected, got $actual" }

private var failed = 0

private fun test(name: String, check: World.() -> Unit) =
    try {
        World().check()
        println("ok: $name")
    } catch (e: Throwable) {
        failed++
        println("failed: $name: $e")
    }

fun main() {
    test("refreshes before it sends once the access token has expired by elapsed time") {
        expired(); issued(1); next(200); get(); sent.clear()
        time = 900_000
        issued(2); next(200)
        expect(200, get())
        saw("POST /session/refresh r1", "GET /me a2")
    }

    test("uses no token that the store did not keep, and goes on with the old one") {
        expired(); issued(1) { store.isBroken = true }
        fails()
        store.isBroken = false
        expired(); issued(2); next(200)
        expect(200, get())
        saw("GET /me a0", "POST /session/refresh r0", "GET /me a0", "POST /session/refresh r0", "GET /me a2")
    }

    test("asks a store that cannot be read again, instead of signing the user out") {
        store.isBroken = true
        fails()
        store.isBroken = false
        next(200)
        expect(200, get())
        expect(true, client.isSignedIn)
    }

    test("discards an answer that is older than half of the overlap") {
        expired(); issued(1) { time += 15_001 }
        fails()
        holds("r0")
    }

    test("takes over the tokens of another process instead of refreshing") {
        expired()
        next(200)
        client.isSignedIn
        store.tokens = Tokens("a1", "r1")
        expect(200, get())
        saw("GET /me a0", "GET /me a1")
    }

    test("never overwrites tokens that another process saved during the refresh") {
        expired(); issued(1) { store.tokens = Tokens("a9", "r9") }; next(200)
        expect(200, get())
        saw("GET /me a0", "POST /session/refresh r0", "GET /me a9")
        holds("r9")
    }

    test("does not clear the tokens of a later sign-in after the end of an older session") {
        next(401, """{"code":"session_ended","refresh":false}""") { store.tokens = Tokens("b0", "s0") }
        expect(401, get())
        holds("s0")
        expect(true, client.isSignedIn)
    }

    test("shares the failure of a refresh, instead of repeating it for each request") {
        val threads = mutableListOf<Thread>()
        val refreshes = AtomicInteger()
        val crowd = SessionClient("https://api.test", store, { 0 }, 15_000, { _, url, _, _, _ ->
            if (url.endsWith("/me")) Answer(401, emptyMap(), """{"code":"access_token_expired","refresh":true}""".toByteArray())
            else {
                refreshes.incrementAndGet()
                val others = threads.filter { it != Thread.currentThread() }
                while (!others.all { it.state == Thread.State.WAITING || it.state == Thread.State.TERMINATED }) Thread.yield()
                Answer(502, emptyMap(), ByteArray(0))
            }
        })
        val failures = AtomicInteger()
        repeat(6) {
            threads += Thread { try { crowd.request("GET", "/me") } catch (e: SessionUnavailable) { failures.incrementAndGet() } }
        }
        threads.forEach { it.start() }
        threads.forEach { it.join(10_000) }
        expect(6, failures.get())
        expect(1, refreshes.get())
    }

    test("does not repeat a request of one user as the next one") {
        next(401, """{"code":"access_token_expired","refresh":true}""") {
            issued(7)
            client.signIn("/login", "{}".toByteArray())
        }
        expect(401, get())
        saw("GET /me a0", "POST /login a0")
        holds("r7")
    }

    test("does not send a request of one user as the next one, who signed in during the refresh before it") {
        expired(); issued(1); next(200); get(); sent.clear()
        time = 900_000
        issued(2) {
            issued(7)
            client.signIn("/login", "{}".toByteArray())
            expired()
        }
        expect(401, get())
        saw("POST /session/refresh r1", "POST /login a1", "GET /me a1")
        holds("r7")
    }

    test("keeps the tokens of an outdated session, and counts as signed out") {
        expired(); next(401, """{"code":"session_outdated","refresh":false}""")
        expect(401, get())
        holds("r0")
        expect(false, client.isSignedIn)
    }

    test("keeps the tokens if a proxy strips the Authorization header") {
        next(401, """{"code":"not_signed_in","refresh":false}""")
        expect(401, get())
        holds("r0")
        expect(true, client.isSignedIn)
    }

    test("repeats a refresh that is answered `once`, a single time") {
        repeat(2) { next(401, """{"code":"session_replaced","refresh":"once"}""") }
        next(401, """{"code":"session_replaced","refresh":"once"}""")
        expect(401, get())
        saw("GET /me a0", "POST /session/refresh r0", "POST /session/refresh r0")
        holds(null)
    }

    test("keeps a pause that the server asked for, and not for longer than a minute") {
        expired(); next(429, headers = mapOf("retry-after" to "86400"))
        fails()
        expired()
        fails()
        time = 60_000
        expired(); issued(1); next(200)
        expect(200, get())
        expect(2, sent.count { it.startsWith("POST /session/refresh") })
    }

    test("takes no answer that is not exactly one") {
        for (body in listOf("", "[]", "null", """{"accessToken":"a1"}""", """{"accessToken":"a1","refreshToken":7,"expiresIn":900}""",
            """{"accessToken":"a 1","refreshToken":"r1","expiresIn":900}""", """{"accessToken":"a1","refreshToken":"r1","expiresIn":"900"}""",
            """{"accessToken":"a1","refreshToken":"r1","expiresIn":-1}""", """{"accessToken":"","refreshToken":"r1","expiresIn":900}""")) {
            expired(); next(200, body)
            fails()
            holds("r0")
        }
    }

    test("stays signed in if the sign-out gets no confirmation") {
        next(200, "<html>")
        check(try { client.signOut(); false } catch (e: SessionUnavailable) { true }) { "the sign-out did not fail" }
        holds("r0")
        expect(true, client.isSignedIn)
    }

    test("refuses a path that could lead to another host") {
        check(try { client.request("GET", ".evil.test/me"); false } catch (e: IllegalArgumentException) { true }) { "it was sent" }
        saw()
    }

    test("writes the token file whole, or leaves the old one") {
        val folder = File.createTempFile("tokens", "").apply { delete(); mkdirs(); deleteOnExit() }
        val files = FileTokenStore(folder, { it.reversedArray() }, { it.reversedArray() })
        expect(null, files.load())
        files.save(Tokens("a1", "r1"))
        val full = FileTokenStore(folder, { throw IOException("the keystore failed") }, { it.reversedArray() })
        check(try { full.save(Tokens("a2", "r2")); false } catch (e: IOException) { true }) { "it was saved" }
        expect("a1 r1", files.exclusively { files.load()!!.let { "${it.accessToken} ${it.refreshToken}" } })
        files.clear()
        expect(null, files.load())
        folder.deleteRecursively()
    }

    println("$failed failed")
    exitProcess(if (failed == 0) 0 else 1)
}
