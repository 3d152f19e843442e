"""The web app: accounts, annotation, studies, results and exports."""
