// The JDK's HttpClient as it comes: over plain http it offers HTTP/2 with its requests.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Base64;

class Offering {
    public static void main(String[] arguments) throws Exception {
        String issuer = arguments[0], user = arguments[1];
        String basic = "Basic " + Base64.getEncoder().encodeToString(user.getBytes());
        HttpClient client = HttpClient.newHttpClient();
        for (int round = 0; round < 3; round++) {
            String told = send(client, issuer + "/oauth/token", basic, "application/x-www-form-urlencoded",
                "grant_type=client_credentials");
            String token = told.replaceAll("(?s).*\"access_token\": *\"([^\"]*)\".*", "$1");
            told = send(client, issuer + "/graphql", "Bearer " + token, "application/json",
                "{\"query\": \"{ viewer { member { legalName } } }\"}");
            if (!told.equals("{\"data\":{\"viewer\":{\"member\":{\"legalName\":\"regulator\"}}}}")) throw new Exception(told);
            System.out.println("ok " + (round + 1));
        }
    }

    private static String send(HttpClient client, String url, String authorization, String type, String body)
            throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url)).header("Authorization", authorization)
            .header("Content-Type", type).POST(BodyPublishers.ofString(body)).build();
        var response = client.send(request, BodyHandlers.ofString());
        if (response.statusCode() != 200) throw new Exception(response.statusCode() + " " + response.body());
        return response.body();
    }
}
