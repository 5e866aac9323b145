// Ask with C#; SERVICE, KEY, TOKEN and CHALLENGE come from the environment. Untested.
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

string Setting(string name) =>
    Environment.GetEnvironmentVariable(name) ?? throw new InvalidOperationException(name);

// region: csharp
using var http = new HttpClient { BaseAddress = new Uri(Setting("SERVICE")) };
http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Setting("KEY"));
var asked = new { token = Setting("TOKEN"), challenge = Setting("CHALLENGE") };
using var answer = await http.PostAsJsonAsync("/v1/login/verify", asked);
answer.EnsureSuccessStatusCode();   // anything but 200 is no verdict
var found = await answer.Content.ReadFromJsonAsync<JsonNode>();
if ((string?)found?["verdict"] != "accepted")
    throw new UnauthorizedAccessException((string?)found?["code"]);
var holder = found["login"]!["holder"]!;
// endregion: csharp
Console.WriteLine(holder["subject_serial"]);
