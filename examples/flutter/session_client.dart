// Pawl's bearer protocol, by the state machine of docs/guides/native.md: for Flutter.
// NOT COMPILED by this project, which has no Dart SDK. Written for Dart 3.4, http 1.2 and flutter_secure_storage 10.
// An exception says nothing about the session: the user stays signed in, and the app tries again later.
import 'dart:convert';

import 'package:flutter_secure_storage/flutter_secure_storage.dart';
import 'package:http/http.dart';

typedef Tokens = ({String accessToken, String refreshToken});
typedef _Problem = ({String code, Object refresh});

/// The server or the store gave no answer that can be used.
class SessionUnavailable implements Exception {
  SessionUnavailable(this.reason, [this.retryAfter]);
  final String reason;

  /// Seconds to wait, if the server said so.
  final int? retryAfter;
}

/// The session of one user at one API.
class SessionClient {
  /// [baseUrl] has no slash at the end. [patience] is half of the server's `rotation.overlap`.
  SessionClient(this.baseUrl, {this.patience = const Duration(seconds: 15)});
  final String baseUrl;
  final Duration patience;

  // An Android device with an unsteady keystore must not lose the session, so errors reset nothing.
  final _store = const FlutterSecureStorage(
    aOptions: AndroidOptions(resetOnError: false),
    iOptions: IOSOptions(accessibility: KeychainAccessibility.first_unlock_this_device),
  );
  final _http = Client();
  // No change of the date moves it.
  final _clock = Stopwatch()..start();

  bool _isRead = false;
  Tokens? _tokens;
  Duration? _expiresAt;
  Duration? _resumesAt;

  // How often somebody has signed in: a request of one user is never repeated as another.
  int _signIns = 0;
  Future<Tokens?>? _refreshing;
  Future<void> _queue = Future.value();

  Future<bool> isSignedIn() async => await _read() != null;

  /// Sends a request of the app. If the server asks for a refresh, refreshes and repeats the request, once.
  Future<Response> request(String method, String path, {String? body, Map<String, String> headers = const {}}) async {
    final signIns = _signIns;
    var used = await _read();
    final expiresAt = _expiresAt;
    if (used != null && expiresAt != null && _clock.elapsed >= expiresAt) {
      final newer = await _refresh(used);
      if (signIns == _signIns) used = newer;
    }
    final answer = await _exchange(method, path, body, headers, used);
    final problem = _problemOf(answer);
    if (used == null || problem == null) return answer;
    if (problem.refresh != false) {
      final newer = await _refresh(used);
      if (newer == null || signIns != _signIns) return answer;
      return _exchange(method, path, body, headers, newer);
    }
    if (_final.contains(problem.code)) await _alone(() => _end(used!));
    return answer;
  }

  /// Sends a login of the app, and keeps the tokens of its answer. A refresh waits until that is done.
  Future<Response> signIn(String path, String body) => _alone(() async {
        final present = await _load().catchError((_) => null);
        final sentAt = _clock.elapsed;
        final answer = await _exchange('POST', path, body, _json, present);
        if (answer.statusCode ~/ 100 == 2) {
          await _keep(answer, present?.refreshToken, sentAt);
          _signIns++;
        }
        return answer;
      });

  /// Ends the session at the server, then here. If the server does not confirm it, it throws, and nothing changes.
  Future<void> signOut() => _alone(() async {
        final tokens = await _load();
        if (tokens != null) {
          final answer = await _exchange('POST', '/session/logout', _inBody(tokens), _json, tokens);
          if (answer.statusCode != 204) throw _unavailable(answer);
        }
        _hold(null);
        await _store.delete(key: 'session');
      });

  /// Tokens that replace [used]; null if nobody is signed in any more. Callers share a refresh and its failure.
  Future<Tokens?> _refresh(Tokens used) =>
      _refreshing ??= _alone(() => _refreshNow(used, false)).whenComplete(() => _refreshing = null);

  Future<Tokens?> _refreshNow(Tokens used, bool isRepeated) async {
    final stored = await _load();
    // During the wait somebody signed in or out, or another isolate refreshed.
    if (stored?.accessToken != used.accessToken) return _hold(stored);
    final sentAt = _clock.elapsed;
    final resumesAt = _resumesAt;
    if (resumesAt != null && sentAt < resumesAt) throw SessionUnavailable('The server asked for a pause', 1);
    final answer = await _exchange('POST', '/session/refresh', _inBody(used), _json, null);
    // A proxy may ask for a whole day.
    final pause = (_retryAfter(answer) ?? 0).clamp(0, 60);
    _resumesAt = _clock.elapsed + Duration(seconds: pause);
    if (_clock.elapsed - sentAt > patience) throw SessionUnavailable('The answer to the refresh is too old');
    final latest = await _load();
    // Another isolate has saved other tokens meanwhile. Newer ones are never overwritten.
    if (latest?.accessToken != used.accessToken) return _hold(latest);
    final problem = _problemOf(answer);
    if (problem == null) return _keep(answer, used.refreshToken, sentAt);
    if (problem.refresh == 'once' && !isRepeated) return _refreshNow(used, true);
    // Otherwise the tokens may be good again later: session_outdated, device_proof_required.
    _hold(null);
    if (_final.contains(problem.code)) await _store.delete(key: 'session');
    return null;
  }

  /// Storage first, then use: once a new access token is used, the old refresh token is worthless.
  Future<Tokens> _keep(Response answer, String? present, Duration sentAt) async {
    final body = answer.statusCode ~/ 100 == 2 ? _object(answer.body) : null;
    final accessToken = body?['accessToken'];
    final refreshToken = body?['refreshToken'] ?? present;
    final expiresIn = body?['expiresIn'];
    if (accessToken is! String || refreshToken is! String || expiresIn is! int || expiresIn < 0) {
      throw _unavailable(answer);
    }
    if (!_isToken(accessToken) || !_isToken(refreshToken)) throw _unavailable(answer);
    await _store.write(key: 'session', value: jsonEncode([accessToken, refreshToken]));
    final tokens = (accessToken: accessToken, refreshToken: refreshToken);
    _hold(tokens);
    _expiresAt = sentAt + Duration(seconds: expiresIn);
    return tokens;
  }

  /// The server has said that the session of these tokens is over. Tokens that have replaced them stay.
  Future<void> _end(Tokens used) async {
    final stored = await _load();
    final isOver = stored?.accessToken == used.accessToken;
    _hold(isOver ? null : stored);
    if (isOver) await _store.delete(key: 'session');
  }

  Future<Tokens?> _load() async {
    final value = await _store.read(key: 'session');
    if (value == null) {
      // On a locked iPhone "none" may mean "not readable now".
      if (await _store.isCupertinoProtectedDataAvailable() == false) throw SessionUnavailable('The device is locked');
      return null;
    }
    if (jsonDecode(value) case [final String accessToken, final String refreshToken]) {
      return (accessToken: accessToken, refreshToken: refreshToken);
    }
    throw SessionUnavailable('The saved tokens are damaged');
  }

  Future<Tokens?> _read() async {
    if (_isRead) return _tokens;
    final stored = await _load();
    // A sign-in may have finished meanwhile.
    return _isRead ? _tokens : _hold(stored);
  }

  Tokens? _hold(Tokens? tokens) {
    _isRead = true;
    _expiresAt = null;
    return _tokens = tokens;
  }

  Future<T> _alone<T>(Future<T> Function() work) {
    final result = _queue.then((_) => work());
    _queue = result.then((_) {}, onError: (_) {});
    return result;
  }

  Future<Response> _exchange(
      String method, String path, String? body, Map<String, String> headers, Tokens? tokens) async {
    // Without the slash the path could name another host, and that would get the token.
    if (!path.startsWith('/')) throw ArgumentError.value(path, 'path', 'does not start with a slash');
    final request = Request(method, Uri.parse(baseUrl + path))
      ..followRedirects = false
      ..headers.addAll({...headers, 'pawl-transport': 'bearer'});
    if (body != null) request.body = body;
    if (tokens != null) request.headers['authorization'] = 'Bearer ${tokens.accessToken}';
    final isOwn = path.startsWith('/session/');
    return _http.send(request).then(Response.fromStream).timeout(isOwn ? patience : const Duration(seconds: 60));
  }
}

/// Only these clear the store.
const _final = {'session_ended', 'session_replaced', 'refresh_token_invalid', 'refresh_token_reused'};
const _json = {'content-type': 'application/json'};

/// A 401 that Pawl wrote. One of the application or of a proxy says nothing about the session.
_Problem? _problemOf(Response answer) {
  final body = answer.statusCode == 401 ? _object(answer.body) : null;
  final code = body?['code'];
  final refresh = body?['refresh'];
  return code is String && (refresh is bool || refresh == 'once') ? (code: code, refresh: refresh as Object) : null;
}

Map<String, dynamic>? _object(String body) {
  try {
    final value = jsonDecode(body);
    return value is Map<String, dynamic> ? value : null;
  } on FormatException {
    return null;
  }
}

String _inBody(Tokens tokens) => jsonEncode({'refreshToken': tokens.refreshToken});

bool _isToken(String value) => value.length <= 8192 && RegExp(r'^[!-~]+$').hasMatch(value);

int? _retryAfter(Response answer) => int.tryParse(answer.headers['retry-after'] ?? '');

SessionUnavailable _unavailable(Response answer) =>
    SessionUnavailable('The server answered ${answer.statusCode}', _retryAfter(answer));
