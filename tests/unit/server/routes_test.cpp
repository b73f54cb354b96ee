// The table of routes, walked: what holds for each of them.
#include "server/routes.hpp"

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tests/unit/server/answers.hpp"
#include "tests/unit/server/running_server.hpp"

namespace pulse::server::routes_test {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class routes : public running_server {
 protected:
  std::vector<std::pair<surface, listen_address>> addresses_of(const route& row) const {
    std::vector<std::pair<surface, listen_address>> all;
    if (row.is_on(surface::streams)) all.emplace_back(surface::streams, ports.streams);
    if (row.is_on(surface::admin)) all.emplace_back(surface::admin, ports.admin);
    return all;
  }
  // A path that the row answers.
  static std::string path_of(const route& row) {
    const auto with_project =
        std::regex_replace(row.path.text(), std::regex("\\{project\\}"), "shop");
    return std::regex_replace(with_project, std::regex("\\{[a-z]+\\}"), "x");
  }
  std::string try_with(const std::string& method, const std::string& path, const listen_address& to,
                       const std::string& authorization) {
    return ask(to, method + ' ' + path +
                       " HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade, close\r\n"
                       "upgrade: websocket\r\nsec-websocket-version: 13\r\n"
                       "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
                       authorization + "\r\n");
  }
};

TEST_F(routes, refuse_who_lacks_their_credential) {
  start();
  int with_credential = 0;
  for (const auto& row : all_routes().rows()) {
    if (row.wants == credential::none) continue;
    ++with_credential;
    const auto* other = row.wants == credential::api_key ? "admin-token" : "good-key";
    for (const auto& [where, to] : addresses_of(row)) {
      for (const auto& authorization :
           {std::string(), std::string("authorization: Bearer wrong\r\n"),
            std::string("authorization: Bearer ") + other + "\r\n"}) {
        EXPECT_THAT(try_with(std::string(row.method), path_of(row), to, authorization),
                    is_error("401", "P6102"))
            << row.method << ' ' << row.path.text() << ' ' << authorization;
      }
    }
  }
  EXPECT_GT(with_credential, 10);
}

TEST_F(routes, answer_other_methods_with_those_that_there_are) {
  start();
  for (const auto& row : all_routes().rows()) {
    for (const auto& [where, to] : addresses_of(row)) {
      std::vector<const route*> same;
      for (const auto& other : all_routes().rows()) {
        if (other.is_on(where) && other.path.text() == row.path.text()) same.push_back(&other);
      }
      const auto allowed = allowed_methods(same);
      for (const auto* method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
        const auto answer = try_with(method, path_of(row), to, "authorization: Bearer wrong\r\n");
        const std::set<std::string> words = [&] {
          std::istringstream list(std::regex_replace(allowed, std::regex(","), ""));
          return std::set<std::string>(std::istream_iterator<std::string>(list), {});
        }();
        if (words.contains(method)) {
          EXPECT_THAT(answer, Not(StartsWith("HTTP/1.1 405"))) << method << ' ' << row.path.text();
        } else {
          EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 405 "),
                                    HasSubstr("\r\nallow: " + allowed + "\r\n")))
              << method << ' ' << row.path.text();
        }
      }
    }
  }
}

TEST(route_table, has_one_row_for_each_request) {
  const auto& rows = all_routes().rows();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const auto& one = rows[i];
      const auto& other = rows[j];
      const bool together = (one.is_on(surface::streams) && other.is_on(surface::streams)) ||
                            (one.is_on(surface::admin) && other.is_on(surface::admin));
      if (!together || !one.path.overlaps(other.path)) continue;
      EXPECT_EQ(one.path.text(), other.path.text());
      EXPECT_NE(one.method, other.method) << one.path.text();
    }
  }
}

TEST_F(routes, answer_head_as_get_without_its_body) {
  start();
  const auto head = [&](const std::string& target, const std::string& token) {
    return ask(ports.admin, "HEAD " + target +
                                " HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
                                "authorization: Bearer " +
                                token + "\r\n\r\n");
  };
  EXPECT_THAT(head("/v1/projects", "admin-token"),
              AllOf(StartsWith("HTTP/1.1 200 "), Not(HasSubstr("content-length: 0")),
                    EndsWith("\r\n\r\n")));
  EXPECT_THAT(head("/v1/projects", "wrong"),
              AllOf(StartsWith("HTTP/1.1 401 "), EndsWith("\r\n\r\n")));
}

TEST_F(routes, tell_of_the_path_that_was_probably_meant) {
  start();
  EXPECT_THAT(
      get(ports.admin, "/v1/projects/shop/key"),
      AllOf(is_error("404", "P6100"), HasSubstr("did you mean /v1/projects/{project}/keys?")));
  EXPECT_THAT(get(ports.admin, "/metric"), HasSubstr("did you mean /metrics?"));
  EXPECT_THAT(get(ports.streams, "/metrics"), HasSubstr("on the other address"));
  EXPECT_THAT(get(ports.admin, "/stream"), HasSubstr("on the other address"));
  EXPECT_THAT(get(ports.streams, "/something/else/entirely"), Not(HasSubstr("did you mean")));
  EXPECT_THAT(get(ports.streams, '/' + std::string(100'000, 'x')), is_error("404", "P6100"));
  EXPECT_THAT(get(ports.admin, "/v1/projects/%zz/keys"),
              AllOf(is_error("400", "P6100"), HasSubstr("'project' cannot be read")));
}

TEST_F(routes, describe_themselves_on_both_addresses) {
  start();
  for (const auto& [where, to] :
       {std::pair(surface::streams, ports.streams), std::pair(surface::admin, ports.admin)}) {
    const auto answer = get(to, "/openapi.json");
    const auto document = boost::json::parse(answer.substr(answer.find("\r\n\r\n") + 4));
    EXPECT_EQ(document.at("openapi"), "3.1.0");
    std::size_t operations = 0;
    for (const auto& [path, methods] : document.at("paths").as_object())
      operations += methods.as_object().size();
    const auto& rows = all_routes().rows();
    EXPECT_EQ(operations, static_cast<std::size_t>(std::ranges::count_if(
                              rows, [&](const route& row) { return row.is_on(where); })));
  }
  const auto admin = openapi_of(all_routes(), surface::admin);
  const auto& seek = admin.at("paths")
                         .at("/v1/projects/{project}/cursors/{schema}.{table}/{name}/seek")
                         .at("post");
  EXPECT_EQ(seek.at("parameters").as_array().size(), 4U);
  EXPECT_TRUE(seek.at("security").as_array().at(0).as_object().contains("adminToken"));
  // Each reference leads somewhere.
  const auto text = boost::json::serialize(admin);
  const std::regex reference("\"#/components/schemas/([A-Za-z]+)\"");
  std::set<std::string> named;
  for (std::sregex_iterator at(text.begin(), text.end(), reference), end; at != end; ++at)
    named.insert((*at)[1]);
  EXPECT_TRUE(named.contains("Place")) << "used by another schema only";
  for (const auto& name : named)
    EXPECT_TRUE(admin.at("components").at("schemas").as_object().contains(name)) << name;
}

// A row of the document's table.
std::string documented(const route& row) {
  const std::string where = row.where == served_on::both    ? "both"
                            : row.where == served_on::admin ? "admin"
                                                            : "streams";
  const std::string wants = row.wants == credential::none      ? "none"
                            : row.wants == credential::api_key ? "API key"
                                                               : "admin token";
  std::ostringstream line;
  line << "| `" << row.method << ' ' << row.path.text() << "` | " << where << " | " << wants
       << " | " << row.summary << " |";
  return line.str();
}

TEST(route_table, is_what_the_document_says) {
  std::ifstream file(PULSE_SOURCE_DIR "/docs/http_api.md");
  // Other tables of the document begin with no method.
  std::multiset<std::string> in_document;
  for (std::string line; std::getline(file, line);) {
    const auto is_route = [&](const char* method) {
      return line.starts_with("| `" + std::string(method) + " /");
    };
    if (is_route("GET") || is_route("POST") || is_route("PUT") || is_route("PATCH") ||
        is_route("DELETE"))
      in_document.insert(line);
  }
  std::multiset<std::string> in_table;
  for (const auto& row : all_routes().rows()) in_table.insert(documented(row));
  for (const auto& line : in_table)
    EXPECT_TRUE(in_document.contains(line)) << "docs/http_api.md lacks\n" << line;
  for (const auto& line : in_document)
    EXPECT_TRUE(in_table.contains(line)) << "docs/http_api.md has, and the server has not\n"
                                         << line;
}

}  // namespace pulse::server::routes_test
