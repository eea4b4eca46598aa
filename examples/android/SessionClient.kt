// Pawl's bearer protocol, by the state machine of docs/guides/native.md: for Android, and for any other JVM with org.json.
// Kotlin 1.3 or later. Every call blocks: with coroutines, wrap it in withContext(Dispatchers.IO).
// An IOException says nothing about the session: the user stays signed in, and the app tries again later.
package session

import org.json.JSONObject
import java.io.IOException
import java.util.concurrent.ExecutionException
import java.util.concurrent.FutureTask
import java.util.concurrent.locks.ReentrantLock
import kotlin.concurrent.withLock

class Tokens(val accessToken: String, val refreshToken: String)

/** Keeps the tokens of one session. A method that fails throws an IOException. */
interface TokenStore {
    /** The tokens saved last; null if there are none. If the store cannot be read now, it throws: that is not "none". */
    fun load(): Tokens?

    /** Returns once the tokens survive a crash. If it throws, the previous ones are still there. */
    fun save(tokens: Tokens)

    fun clear()

    /** Runs [work] while no other process of the app runs its own. The wait must be bounded. One process needs no lock. */
    fun <T> exclusively(work: () -> T): T = work()
}

/** The server gave no answer that can be used. @property retryAfter seconds to wait, if the server said so */
class SessionUnavailable(message: String, val retryAfter: Long?) : IOException(message)

/**
 * The session of one user at one API.
 * @param baseUrl where the API is, without a slash at the end: `https://api.example.com`
 * @param now milliseconds that no change of the date moves. On Android: SystemClock::elapsedRealtime, which counts sleep
 * @param patience half of the server's `rotation.overlap`, in milliseconds. A refresh without an answer in this time is lost
 */
class SessionClient(
    private val baseUrl: String,
    private val store: TokenStore,
    private val now: () -> Long = { System.nanoTime() / 1_000_000 },
    private val patience: Int = 15_000,
    private val send: Send = ::sendByUrlConnection
) {
    private class Held(val tokens: Tokens?, val expiresAt: Long?)

    /** What this process knows; null until it has read the store. Only the holder of [lock] writes it. */
    @Volatile
    private var held: Held? = null
    private val lock = ReentrantLock()
    private var refreshing: FutureTask<Tokens?>? = null

    /** How often somebody has signed in: a request of one user is never repeated as another. */
    @Volatile
    private var signIns = 0

    /** Before this time no refresh is sent, because the server asked for a pause. */
    private var resumesAt = Long.MIN_VALUE

    val isSignedIn: Boolean get() = read().tokens != null

    /** Sends a request of the app. If the server asks for a refresh, refreshes and repeats the request, once. */
    fun request(method: String, path: String, body: ByteArray? = null, headers: Map<String, String> = emptyMap()): Answer {
        val signInsBefore = signIns
        val known = read()
        var tokens = known.tokens
        if (tokens != null && known.expiresAt != null && now() >= known.expiresAt) {
            val newer = refresh(tokens)
            if (signIns == signInsBefore) tokens = newer
        }
        val answer = exchange(method, path, body, headers, tokens)
        val problem = problemOf(answer)
        if (tokens == null || problem == null) return answer
        if (problem.refresh != false) {
            val newer = refresh(tokens)
            return if (newer == null || signIns != signInsBefore) answer else exchange(method, path, body, headers, newer)
        }
        // Any other code says nothing about the session.
        if (problem.code in FINAL) end(tokens)
        return answer
    }

    /** Sends a login of the app, and keeps the tokens of its answer. A refresh waits until that is done. */
    fun signIn(path: String, body: ByteArray, headers: Map<String, String> = JSON): Answer = alone {
        // Tells the server which session the login replaces. A store that cannot be read is overwritten.
        val present = try { store.load() } catch (e: IOException) { null }
        val sentAt = now()
        val answer = exchange("POST", path, body, headers, present)
        if (answer.status in 200..299) {
            keep(answer, present?.refreshToken, sentAt)
            signIns++
        }
        answer
    }

    /** Ends the session at the server, then here. If the server does not confirm it, it throws, and nothing changes. */
    fun signOut() = alone {
        val tokens = store.load()
        if (tokens != null) {
            val answer = exchange("POST", "/session/logout", inBody(tokens), JSON, tokens, patience)
            if (answer.status != 204) throw unavailable(answer)
        }
        held = Held(null, null)
        store.clear()
    }

    /** Returns tokens that replace [used]; null if nobody is signed in any more. Callers share a refresh and its failure. */
    private fun refresh(used: Tokens): Tokens? {
        var own: FutureTask<Tokens?>? = null
        val task = synchronized(this) {
            refreshing ?: FutureTask { alone { refreshNow(used, 0) } }.also { own = it; refreshing = it }
        }
        own?.run()
        if (own != null) synchronized(this) { refreshing = null }
        return try { task.get() } catch (e: ExecutionException) { throw e.cause!! }
    }

    private fun refreshNow(used: Tokens, repeats: Int): Tokens? {
        val stored = store.load()
        // During the wait somebody signed in or out, or another process refreshed.
        if (stored?.accessToken != used.accessToken) return hold(stored)
        val sentAt = now()
        if (sentAt < resumesAt) throw SessionUnavailable("The server asked for a pause", (resumesAt - sentAt + 999) / 1000)
        val answer = exchange("POST", "/session/refresh", inBody(used), JSON, null, patience)
        // A proxy may ask for a whole day.
        resumesAt = now() + 1000 * (answer.retryAfter ?: 0).coerceAtMost(60)
        // A process that was suspended may find an answer of yesterday.
        if (now() - sentAt > patience) throw SessionUnavailable("The answer to the refresh is too old", null)
        val latest = store.load()
        // A process that did not wait for the lock has saved other tokens. Newer ones are never overwritten.
        if (latest?.accessToken != used.accessToken) return hold(latest)
        val problem = problemOf(answer) ?: return keep(answer, used.refreshToken, sentAt)
        if (problem.refresh == "once" && repeats == 0) return refreshNow(used, 1)
        // Otherwise the tokens may be good again later: session_outdated, device_proof_required.
        hold(null)
        if (problem.code in FINAL) store.clear()
        return null
    }

    /** Storage first, then use: once a new access token is used, the old refresh token is worthless. */
    private fun keep(answer: Answer, present: String?, sentAt: Long): Tokens {
        val body = (if (answer.status in 200..299) answer.json else null) ?: throw unavailable(answer)
        val accessToken = body.opt("accessToken")
        val refreshToken = if (body.isNull("refreshToken")) present else body.opt("refreshToken")
        val expiresIn = body.opt("expiresIn")
        if (!isToken(accessToken) || !isToken(refreshToken) || expiresIn !is Int || expiresIn < 0) throw unavailable(answer)
        val tokens = Tokens(accessToken as String, refreshToken as String)
        store.save(tokens)
        held = Held(tokens, sentAt + expiresIn * 1000L)
        return tokens
    }

    /** The server has said that the session of these tokens is over. Tokens that have replaced them stay. */
    private fun end(used: Tokens) = alone {
        val stored = store.load()
        val isOver = stored?.accessToken == used.accessToken
        hold(if (isOver) null else stored)
        if (isOver) store.clear()
    }

    private fun hold(tokens: Tokens?): Tokens? = tokens.also { held = Held(it, null) }

    private fun read(): Held = held ?: lock.withLock { held ?: Held(store.load(), null).also { held = it } }

    private fun <T> alone(work: () -> T): T = lock.withLock { store.exclusively(work) }

    private fun exchange(method: String, path: String, body: ByteArray?, headers: Map<String, String>, tokens: Tokens?, timeout: Int = 60_000): Answer {
        // Otherwise the path could name another host, and that would get the token.
        require(path.startsWith("/")) { "The path $path does not start with a slash" }
        val authorization = if (tokens == null) emptyMap() else mapOf("authorization" to "Bearer ${tokens.accessToken}")
        return send(method, baseUrl + path, headers + authorization + mapOf("pawl-transport" to "bearer"), body, timeout)
    }
}

private class Problem(val code: String, val refresh: Any)

/** Only these clear the store. */
private val FINAL = setOf("session_ended", "session_replaced", "refresh_token_invalid", "refresh_token_reused")
private val JSON = mapOf("content-type" to "application/json")

/** A 401 that Pawl wrote. One of the application or of a proxy says nothing about the session. */
private fun problemOf(answer: Answer): Problem? {
    val body = (if (answer.status == 401) answer.json else null) ?: return null
    val code = body.opt("code")
    val refresh = body.opt("refresh")
    return if (code is String && (refresh is Boolean || refresh == "once")) Problem(code, refresh) else null
}

private fun inBody(tokens: Tokens) = JSONObject().put("refreshToken", tokens.refreshToken).toString().toByteArray()

private fun isToken(value: Any?) = value is String && value.length in 1..8192 && value.all { it in '!'..'~' }

private fun unavailable(answer: Answer) =
    SessionUnavailable("The server answered ${answer.status}", answer.retryAfter)
