#include "source/database_url.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <optional>
#include <utility>

#include <libpq-fe.h>

#include "base/percent_encoding.hpp"
#include "source/session_settings.hpp"

namespace pulse::source {
namespace {

error refuse(std::string what, std::string next) {
  return {errc::invalid_argument, std::move(what), std::move(next)};
}

constexpr std::string_view direct_next =
    "logical replication needs a direct connection: use the URL that Prisma calls `directUrl`";

// Prisma's parameters that libpq does not have, or that mean nothing here.
constexpr std::array<std::string_view, 9> prisma_only{"schema",
                                                      "connection_limit",
                                                      "pool_timeout",
                                                      "socket_timeout",
                                                      "pgbouncer",
                                                      "statement_cache_size",
                                                      "sslaccept",
                                                      "max_idle_connection_lifetime",
                                                      "max_connection_lifetime"};

// What somebody writes so that a connection is safe: not to be passed over where it is not known.
constexpr std::array<std::string_view, 7> of_security{"ssl",     "tls",   "gss",  "krb",
                                                      "require", "scram", "oauth"};

struct split_url {
  std::string base;
  std::vector<std::pair<std::string, std::string>> query;  // decoded
};

split_url split(std::string_view url) {
  split_url parts;
  // As libpq does: a password may have a question mark, before the '@' and the first slash.
  const auto authority = url.find("://") + 3;
  const auto at = url.find_first_of("@/", authority);
  const bool has_user = at != std::string_view::npos && url[at] == '@';
  const auto question = url.find('?', has_user ? at : authority);
  parts.base = url.substr(0, question);
  auto query = question == std::string_view::npos ? std::string_view() : url.substr(question + 1);
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto pair = query.substr(0, end);
    const auto equals = std::min(pair.find('='), pair.size());
    parts.query.emplace_back(
        percent_decode_leniently(pair.substr(0, equals)),
        percent_decode_leniently(pair.substr(std::min(equals + 1, pair.size()))));
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return parts;
}

std::vector<std::string> libpq_keywords() {
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> defaults(PQconndefaults(),
                                                                              &PQconninfoFree);
  std::vector<std::string> all;
  for (const auto* option = defaults.get(); option != nullptr && option->keyword != nullptr;
       ++option) {
    all.emplace_back(option->keyword);
  }
  return all;
}

bool libpq_knows(const std::string& keyword) {
  const auto known = libpq_keywords();
  return std::ranges::find(known, keyword) != known.end();
}

// Characters to be put in, taken out or changed.
std::size_t distance(std::string_view one, std::string_view other) {
  std::vector<std::size_t> row(other.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < one.size(); ++i) {
    auto before = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < other.size(); ++j) {
      const auto changed = before + (one[i] == other[j] ? 0 : 1);
      before = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, before + 1});
    }
  }
  return row.back();
}

// The keyword that was meant, perhaps; empty: none is near.
std::string meant_keyword(std::string_view name) {
  const std::size_t most = name.size() < 6 ? 1 : 2;
  for (const auto& keyword : libpq_keywords()) {
    if (distance(name, keyword) <= most) return keyword;
  }
  return {};
}

// Nothing: it means nothing to this program, and nothing is lost with it.
result<void> check_unknown(const std::string& name) {
  const auto meant = meant_keyword(name);
  if (!meant.empty()) {
    return refuse("the database URL has a parameter '" + name + "', which is unknown",
                  "did you mean '" + meant + "'?");
  }
  if (std::ranges::any_of(of_security, [&](auto prefix) { return name.starts_with(prefix); })) {
    return refuse(
        "the database URL has a parameter '" + name + "', which this version of libpq ignores",
        "remove it, and use sslmode");
  }
  return {};
}

// libpq's own word for what other drivers write as ssl=…; nothing: it says nothing.
result<std::optional<std::string>> mode_of_ssl(const std::string& value) {
  for (const auto* on : {"true", "1", "require", "no-verify"}) {
    if (value == on) return std::optional<std::string>("require");
  }
  if (value == "false" || value == "0") return std::optional<std::string>();
  return refuse("the database URL says ssl=" + value + ", which is neither true nor false",
                "use sslmode");
}

// The URL of `prisma dev`'s own server: Accelerate's form, on this machine.
bool leads_to_prisma_dev(std::string_view url) {
  constexpr std::string_view scheme = "prisma+postgres://";
  if (!url.starts_with(scheme)) return false;
  url.remove_prefix(scheme.size());
  const auto host = url.substr(0, url.find_first_of(":/?"));
  return host == "localhost" || host == "127.0.0.1" || url.starts_with("[::1]");
}

result<std::map<std::string, std::string>> libpq_parameters(const std::string& text) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(text.c_str(), &message), &PQconninfoFree);
  if (!parsed) {
    // libpq's message can hold the string itself, and with it the password.
    PQfreemem(message);
    return refuse("the database URL cannot be read",
                  "write it as postgresql://user:password@host:5432/database");
  }
  std::map<std::string, std::string> parameters;
  for (const auto* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) parameters[option->keyword] = option->val;
  }
  return parameters;
}

// libpq looks at the port only when it connects; hosts may be several, and so may ports.
bool ports_are_numbers(std::string_view ports) {
  return ports.size() < 200 && ports.find_first_not_of("0123456789,") == std::string_view::npos;
}

result<void> refuse_pooler(const std::map<std::string, std::string>& parameters) {
  const auto value = [&](const char* name) {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string() : found->second;
  };
  const auto host = value("host");
  if (host.find("-pooler.") != std::string::npos && host.find("neon") != std::string::npos) {
    return refuse("the host " + host + " is Neon's connection pooler",
                  std::string(direct_next) + ": the same host without '-pooler'");
  }
  if (host.find("pooler.supabase.com") != std::string::npos) {
    return refuse("the host " + host + " is Supabase's connection pooler",
                  std::string(direct_next) + ": db.<project>.supabase.co, port 5432");
  }
  if (host.find(".supabase.co") != std::string::npos && value("port") == "6543") {
    return refuse("port 6543 of " + host + " is Supabase's connection pooler",
                  std::string(direct_next) + ": port 5432");
  }
  return {};
}

}  // namespace

std::string database_target::display() const {
  const auto value = [&](const char* name, const char* otherwise) {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string(otherwise) : found->second;
  };
  return value("user", "") + "@" + value("host", "local socket") + ":" + value("port", "5432") +
         "/" + value("dbname", "");
}

result<database_target> parse_database_url(std::string_view url) {
  if (url.empty())
    return refuse("no database URL", "give --database, PULSE_DATABASE_URL or DATABASE_URL");
  if (leads_to_prisma_dev(url)) return refuse_pglite();
  if (url.starts_with("prisma://") || url.starts_with("prisma+postgres://")) {
    return refuse("the database URL is a Prisma Accelerate URL, not a PostgreSQL server",
                  "use the PostgreSQL URL (`directUrl`)");
  }
  database_target target;
  std::string text(url);
  const bool is_uri = url.starts_with("postgres://") || url.starts_with("postgresql://");
  std::map<std::string, std::string> extra;
  if (is_uri) {
    auto parts = split(url);
    text = parts.base;
    const auto given = [&](std::string_view name) {
      return std::ranges::any_of(parts.query, [&](const auto& one) { return one.first == name; });
    };
    bool strict = false;
    for (auto& [name, value] : parts.query) {
      if (name == "pgbouncer" && value == "true") {
        return refuse("the database URL says pgbouncer=true: it leads to a connection pooler",
                      std::string(direct_next));
      }
      if (name == "schema") {
        target.schema = value;
      } else if (name == "sslaccept") {
        // Prisma's word for not checking the server's certificate, which libpq's sslmode=require
        // means as well.
        strict = value == "strict";
      } else if (name == "ssl") {
        const auto mode = mode_of_ssl(value);
        if (!mode) return mode.error();
        if (*mode && !given("sslmode")) extra["sslmode"] = **mode;
        if (!*mode) target.ignored.push_back(name);
      } else if (name == "sslidentity") {
        return refuse("the database URL has sslidentity, a PKCS#12 file, which libpq does not read",
                      "extract certificate and key (openssl pkcs12 -in FILE -nodes), and give them "
                      "as sslcert and sslkey");
      } else if (name == "sslcert" && !given("sslkey")) {
        // Prisma means the certificate authority's file by it.
        extra["sslrootcert"] = value;
      } else if ((name == "sslpassword" && !given("sslkey")) ||
                 std::ranges::find(prisma_only, name) != prisma_only.end()) {
        target.ignored.push_back(name);
      } else if (libpq_knows(name)) {
        extra[name] = value;
      } else {
        if (auto harmless = check_unknown(name); !harmless) return harmless.error();
        target.ignored.push_back(name);
      }
    }
    if (strict) extra["sslmode"] = "verify-full";
  }
  auto parameters = libpq_parameters(text);
  if (!parameters) return parameters.error();
  target.parameters = std::move(*parameters);
  for (auto& [name, value] : extra) target.parameters.insert_or_assign(name, value);
  if (const auto port = target.parameters.find("port");
      port != target.parameters.end() && !ports_are_numbers(port->second)) {
    return refuse("the database URL's port is no number",
                  "write it as postgresql://user:password@host:5432/database");
  }
  if (auto direct = refuse_pooler(target.parameters); !direct) return direct.error();
  return target;
}

}  // namespace pulse::source
