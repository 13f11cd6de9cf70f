// The API's documentation: Swagger UI from our own files, acting with the login of this browser.
window.addEventListener("DOMContentLoaded", () => {
  window.SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#swagger",
    docExpansion: "none",
    filter: true,
    validatorUrl: null,
    requestInterceptor: (request) => {
      const token = document.querySelector('meta[name="csrf-token"]')?.content;
      if (token) request.headers["X-CSRF-Token"] = token;
      return request;
    },
  });
});
