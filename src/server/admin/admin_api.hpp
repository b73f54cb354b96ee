// The operators' JSON over HTTP, on the admin address.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/context.hpp"
#include "server/http/http_message.hpp"
#include "server/http/router.hpp"

namespace pulse::server {

// All calls want `authorization: Bearer <admin token>`: 401 without, 403 when the server has no
// token set.
//
//   GET    /v1/projects
//          {"projects":[{"name","eventPersistence","notReady","openGaps","capture":{"connected","progressing","state","problem"}}]}
//   GET    /v1/projects/{project}/keys
//          {"keys":[{"id","label","createdAt","revokedAt"}]}
//   POST   /v1/projects/{project}/keys            body {"label":"…"} or none
//          201 {"id","label","createdAt","revokedAt":null,"key":"…"}; the key is shown this once
//   DELETE /v1/projects/{project}/keys/{id}       {}; its open streams end
//   GET    /v1/projects/{project}/streams
//          {"streams":[{"id","mode","table","name","delivered","acknowledged","redelivered","dropped","undecided",
//          "inFlightEvents","inFlightBytes","standby","stalled","cursor"}],"cursors":[{"table","name","cursor","movedAt"}]}
//          by table and name, 1000 names at most, or ?limit=N of them; there are more when there is
//          a `next`, which is asked for with ?after={next}
//   DELETE /v1/projects/{project}/cursors/{schema}.{table}/{name}   {}; its open streams end
//   GET    /v1/projects/{project}/gaps
//          {"gaps":[…]}, oldest first, each as control/stored_gap.hpp has it
//   POST   /v1/projects/{project}/gaps/{id}/accept    body {"by":"…"} or none
//          the gap; streams continue after it
//
// Path segments are percent-encoded UTF-8; a dot within a schema or table name is written %2E.
// Times are ISO 8601 in UTC, cursors as to_string(position) writes them. Errors have the body of
// refusal.hpp.
void admin_call(const std::shared_ptr<server_context>& context, const http_request& request,
                const std::string& request_id, respond done);

// Nothing when the request carries the admin token; else the answer.
std::optional<refusal> check_admin_token(const server_context& context,
                                         const http_request& request);

}  // namespace pulse::server
